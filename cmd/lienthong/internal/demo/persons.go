package demo

import (
	"context"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// Person is somebody who may sign in to the pages of the demonstration.
type Person struct {
	Name     string `json:"name"`
	FullName string `json:"full_name"`
	Role     string `json:"role"`
	Password string `json:"password"` // temporary: another one is chosen when signing in
}

// invite makes an account for each role.
func (s *show) invite(ctx context.Context) error {
	for _, p := range []struct {
		name, fullName string
		membership     hub.Membership
	}{
		{"vanthu.tinh", "Nguyễn Thị Văn Thư (hư cấu)", hub.Membership{Agency: province, Role: hub.RoleClerk}},
		{"vanthu.donvi", "Phạm Văn Mẫu (hư cấu)", hub.Membership{Agency: slow, Role: hub.RoleClerk}},
		{"lanhdao.tamky", "Lê Thị Mẫu (hư cấu)", hub.Membership{Agency: tamKy, Role: hub.RoleLeader}},
		{"quantri.tamky", "Trần Văn Mẫu (hư cấu)", hub.Membership{Agency: tamKy, Role: hub.RoleAdministrator}},
		{"kiemtra", "Hoàng Thị Mẫu (hư cấu)", hub.Membership{Role: hub.RoleAuditor}},
		{"vanhanh", "Đỗ Văn Mẫu (hư cấu)", hub.Membership{Role: hub.RoleOperator}},
	} {
		given, err := s.operator.CreateAccount(ctx, hubclient.NewAccount{Name: p.name, FullName: p.fullName, Memberships: []hub.Membership{p.membership}})
		if err != nil {
			return err
		}
		s.persons = append(s.persons, Person{Name: p.name, FullName: p.fullName, Role: string(p.membership.Role), Password: given.Password})
	}
	return nil
}
