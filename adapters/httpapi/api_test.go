package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/strictjson"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/schemas"
)

// example is a request to a route with everything that it needs.
type example struct {
	path, body, contentType string
	header                  []string
	status                  int
}

const (
	hashOfContent = `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
	submissionOK  = `{"sender":"000.00.00.H47","recipients":["000.00.12.H47"],"external_id":"173",
		"document":{"code_number":"173","code_notation":"UBND","subject":"V/v"},
		"parts":[{"id":"p1","role":"original","name":"a.pdf","media_type":"application/pdf"}]}`
)

// formOf makes a multipart body of pairs of names and contents.
func formOf(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, "--XX\r\nContent-Disposition: form-data; name=%q", pairs[i])
		if pairs[i] != "submission" {
			fmt.Fprintf(&b, "; filename=%q\r\nContent-Type: application/pdf", pairs[i]+".pdf")
		}
		fmt.Fprintf(&b, "\r\n\r\n%s\r\n", pairs[i+1])
	}
	return b.String() + "--XX--\r\n"
}

const formType = `multipart/form-data; boundary=XX`

func examples() map[string]example {
	const j = "application/json"
	return map[string]example{
		"GET /healthz":                           {path: "/healthz"},
		"GET /readyz":                            {path: "/readyz"},
		"GET /metrics":                           {path: "/metrics"},
		"GET /v1/dead-letters":                   {path: "/v1/dead-letters"},
		"POST /v1/dead-letters/replay":           {path: "/v1/dead-letters/replay", body: `{"all":true}`, contentType: j},
		"GET /v1/figures":                        {path: "/v1/figures?period=2026-Q1&kind=cong-van"},
		"GET /v1/figures.csv":                    {path: "/v1/figures.csv?period=2026"},
		"GET /v1/figures.xlsx":                   {path: "/v1/figures.xlsx"},
		"GET /v1/figures/documents":              {path: "/v1/figures/documents?side=sent&measure=overdue"},
		"POST /v1/figures/rebuild":               {path: "/v1/figures/rebuild", status: http.StatusAccepted},
		"GET /v1/stuck-deliveries":               {path: "/v1/stuck-deliveries"},
		"POST /v1/stuck-deliveries/retry":        {path: "/v1/stuck-deliveries/retry", body: `{"all":true}`, contentType: j},
		"POST /v1/stuck-deliveries/give-up":      {path: "/v1/stuck-deliveries/give-up", body: `{"ids":["x"],"reason":"x"}`, contentType: j},
		"GET /v1/alerts":                         {path: "/v1/alerts"},
		"GET /v1/alerts/past":                    {path: "/v1/alerts/past"},
		"PUT /v1/alerts/{alert}/acknowledgement": {path: "/v1/alerts/x/acknowledgement", body: `{"reason":"x"}`, contentType: j, status: 204},
		"PUT /v1/alerts/{alert}/mute":            {path: "/v1/alerts/x/mute", body: `{"reason":"x","days":7}`, contentType: j, status: 204},
		"DELETE /v1/alerts/{alert}/mute":         {path: "/v1/alerts/x/mute", status: 204},
		"POST /v1/agencies/{code}/queue":         {path: "/v1/agencies/000.00.12.H47/queue", status: 201},
		"DELETE /v1/agencies/{code}/queue":       {path: "/v1/agencies/000.00.12.H47/queue", status: 204},
		"POST /v1/dead-letters/discard":          {path: "/v1/dead-letters/discard", body: `{"ids":["x"]}`, contentType: j},
		"GET /v1/axis":                           {path: "/v1/axis"},
		"GET /v1/axis/agencies":                  {path: "/v1/axis/agencies"},
		"GET /v1/axis/held":                      {path: "/v1/axis/held"},
		"GET /v1/axis/held/{package}":            {path: "/v1/axis/held/a1"},
		"GET /v1/axis/pass-through":              {path: "/v1/axis/pass-through"},
		"PUT /v1/axis/pass-through/{system}":     {path: "/v1/axis/pass-through/qlvb", body: `{"endpoint":"https://axis.example.vn/vxp","agencies":["a1"],"secret":"secret of a test"}`, contentType: j},
		"DELETE /v1/axis/pass-through/{system}":  {path: "/v1/axis/pass-through/qlvb"},
		"POST /v1/axis/held/{package}/retry":     {path: "/v1/axis/held/a1/retry"},
		"POST /v1/axis/held/{package}/give-up":   {path: "/v1/axis/held/a1/give-up", body: `{"reason":"x"}`, contentType: j, status: 204},
		"GET /v1/version":                        {path: "/v1/version"},
		"GET /v1/openapi.yaml":                   {path: "/v1/openapi.yaml"},
		"GET /v1/docs":                           {path: "/v1/docs"},

		"GET /v1/me":                               {path: "/v1/me"},
		"GET /v1/agencies":                         {path: "/v1/agencies?q=quang"},
		"GET /v1/agencies/{code}":                  {path: "/v1/agencies/000.00.00.H47"},
		"GET /v1/agencies/{code}/children":         {path: "/v1/agencies/a1/children"},
		"POST /v1/agencies/import":                 {path: "/v1/agencies/import?dry_run=true", body: "id,code\n", contentType: "text/csv; charset=utf-8"},
		"GET /v1/agencies.csv":                     {path: "/v1/agencies.csv"},
		"GET /v1/tasks":                            {path: "/v1/tasks?agency=000.00.00.H47&as=assigner&state=in_progress,awaiting&timeliness=overdue&q=cai+cach&noticed=true&with=000.00.12.H47"},
		"GET /v1/tasks/totals":                     {path: "/v1/tasks/totals?as=assigner&agency=000.00.00.H47&with=000.00.12.H47"},
		"GET /v1/tasks/{task}":                     {path: "/v1/tasks/t1"},
		"GET /v1/tasks/{task}/history":             {path: "/v1/tasks/t1/history?agency=000.00.12.H47"},
		"POST /v1/tasks/{task}/acts":               {path: "/v1/tasks/t1/acts", body: `{"act": "ask_extension", "agency": "000.00.12.H47", "text": "Chờ số liệu", "before": "2026-03-10"}`},
		"GET /v1/calendar":                         {path: "/v1/calendar?year=2027"},
		"GET /v1/register-years":                   {path: "/v1/register-years?agency=000.00.00.H47"},
		"POST /v1/register-years":                  {path: "/v1/register-years", body: `{"agency": "000.00.00.H47", "year": 2025}`},
		"GET /v1/dossiers":                         {path: "/v1/dossiers?agency=000.00.00.H47&open=true&status=4&timeliness=overdue,due_soon&finding=no_letter&limit=5"},
		"POST /v1/dossiers":                        {path: "/v1/dossiers", body: `{"unit": "000.00.00.H47", "procedure": "1.001193", "owner": {"name": "Nguyễn Văn Ví Dụ"}, "due_at": "2026-03-05", "key": "hs-1"}`, contentType: j, status: 201},
		"GET /v1/dossiers/figures":                 {path: "/v1/dossiers/figures?agency=000.00.00.H47&period=2026-Q1"},
		"GET /v1/dossiers/counted":                 {path: "/v1/dossiers/counted?period=2026&limit=5"},
		"GET /v1/evaluations":                      {path: "/v1/evaluations?agency=000.00.00.H47&period=2026-Q1"},
		"POST /v1/evaluations":                     {path: "/v1/evaluations", body: `{"table": "qd766"}`, contentType: j, status: 202},
		"GET /v1/evaluations.xlsx":                 {path: "/v1/evaluations.xlsx"},
		"GET /v1/evaluations.pdf":                  {path: "/v1/evaluations.pdf"},
		"GET /v1/evaluations/tables":               {path: "/v1/evaluations/tables"},
		"POST /v1/evaluations/tables":              {path: "/v1/evaluations/tables", body: `{"table": {"id": "tinh", "name": {"vi": "Bộ chỉ số", "en": ""}, "basis": "QĐ 1", "from": "2026-01-01", "indicators": [], "grades": []}, "dry_run": true}`, contentType: j},
		"POST /v1/evaluations/feedback":            {path: "/v1/evaluations/feedback", body: `{"items": [{"agency": "000.00.00.H47", "id": "1", "kind": "rating", "at": "2026-03-02T02:30:00Z", "score": 5}]}`, contentType: j},
		"PUT /v1/evaluations/inputs":               {path: "/v1/evaluations/inputs", body: `{"period": "2026-Q1", "values": {"payments_due": 1}, "source": "x"}`, contentType: j},
		"GET /v1/dossiers/words":                   {path: "/v1/dossiers/words"},
		"PUT /v1/dossiers/words":                   {path: "/v1/dossiers/words", body: `{"words": {"Chờ bổ sung": 5}}`, contentType: j},
		"GET /v1/dossiers/online":                  {path: "/v1/dossiers/online?agency=000.00.00.H47"},
		"PUT /v1/dossiers/online":                  {path: "/v1/dossiers/online", body: `{"procedures": ["1.001193"]}`, contentType: j},
		"GET /v1/dossiers/events":                  {path: "/v1/dossiers/events?agency=000.00.00.H47&after=3&limit=5"},
		"GET /v1/dossiers/packages":                {path: "/v1/dossiers/packages"},
		"GET /v1/dossiers/{dossier}":               {path: "/v1/dossiers/H47-260302-0001"},
		"GET /v1/dossiers/{dossier}/progress":      {path: "/v1/dossiers/H47-260302-0001/progress"},
		"POST /v1/dossiers/{dossier}/receipt":      {path: "/v1/dossiers/d1/receipt", body: `{}`, contentType: j},
		"POST /v1/dossiers/{dossier}/secret":       {path: "/v1/dossiers/d1/secret"},
		"POST /v1/dossiers/{dossier}/events":       {path: "/v1/dossiers/d1/events", body: `{"act": "hand_over", "to": "000.00.12.H47", "role": "co", "due_at": "2026-03-05T10:00"}`, contentType: j},
		"POST /v1/dossiers/{dossier}/files":        {path: "/v1/dossiers/d1/files?name=a.pdf&kind=result", body: "%PDF-1.7", contentType: "application/pdf"},
		"GET /v1/dossiers/{dossier}/files/{event}": {path: "/v1/dossiers/d1/files/3"},
		"GET /v1/reform-reports":                   {path: "/v1/reform-reports?agency=000.00.00.H47&limit=5"},
		"POST /v1/reform-reports":                  {path: "/v1/reform-reports", body: `{"agency": "000.00.00.H47", "period": "2026-Q1", "scope": "tree"}`, contentType: j, status: 201},
		"GET /v1/reform-reports/preview":           {path: "/v1/reform-reports/preview?period=2026-Q1&scope=own"},
		"GET /v1/reform-reports/due":               {path: "/v1/reform-reports/due"},
		"GET /v1/reform-reports/template":          {path: "/v1/reform-reports/template"},
		"PUT /v1/reform-reports/template":          {path: "/v1/reform-reports/template", body: `{"title": "Báo cáo {period}", "blocks": [{"heading": "I", "text": "Gửi {documents.sent}", "rows": [{"label": "Đột xuất", "key": "inspections.surprise"}]}]}`, contentType: j},
		"PUT /v1/reform-reports/template/file":     {path: "/v1/reform-reports/template/file?name=mau.docx", body: "PK", contentType: docxType},
		"DELETE /v1/reform-reports/template/file":  {path: "/v1/reform-reports/template/file"},
		"GET /v1/reform-reports/schedule":          {path: "/v1/reform-reports/schedule"},
		"PUT /v1/reform-reports/schedule":          {path: "/v1/reform-reports/schedule", body: `{"terms": [{"every": "quarter", "scope": "tree", "working_days": 5}]}`, contentType: j},
		"GET /v1/reform-reports/{report}":          {path: "/v1/reform-reports/r1"},
		"GET /v1/reform-reports/{report}/file":     {path: "/v1/reform-reports/r1/file?format=docx"},
		"GET /v1/inspections":                      {path: "/v1/inspections?agency=000.00.00.H47&state=recommended&kind=document&limit=5"},
		"POST /v1/inspections":                     {path: "/v1/inspections", body: `{"agency": "000.00.00.H47", "subject": "000.00.12.H47", "kind": "surprise", "title": "Kiểm tra công vụ", "key": "kt-1"}`, contentType: j, status: 201},
		"GET /v1/inspections/figures":              {path: "/v1/inspections/figures?agency=000.00.00.H47&period=2026"},
		"GET /v1/inspections/counted":              {path: "/v1/inspections/counted?period=2026&measure=answered_late&limit=5"},
		"GET /v1/inspections/{inspection}":         {path: "/v1/inspections/i1"},
		"POST /v1/inspections/{inspection}/events": {path: "/v1/inspections/i1/events", body: `{"act": "check", "item": "authority", "verdict": "wrong", "text": "Trái thẩm quyền"}`, contentType: j},
		"GET /v1/post/orders":                      {path: "/v1/post/orders?agency=000.00.00.H47&open=true&outgoing=true&finding=silent&from=2026-03-01&limit=5"},
		"POST /v1/post/orders":                     {path: "/v1/post/orders", body: `{"kind": "return", "dossier": "H47-260302-0001", "to": {"address": "2 Lê Lợi"}, "key": "p-1"}`, contentType: j, status: 201},
		"GET /v1/post/orders/{order}":              {path: "/v1/post/orders/o1"},
		"POST /v1/post/orders/{order}/events":      {path: "/v1/post/orders/o1/events", body: `{"act": "handed_over", "at": "2026-03-02T15:30", "bill": "EB1", "key": "b-1"}`, contentType: j},
		"GET /v1/procedures":                       {path: "/v1/procedures?q=khai+sinh&agency=000.00.00.H47&at=2026-01-05T08:00:00Z"},
		"GET /v1/procedures/changes":               {path: "/v1/procedures/changes?after=3&limit=10"},
		"GET /v1/procedures/{code}":                {path: "/v1/procedures/1.001193"},
		"POST /v1/procedures/import":               {path: "/v1/procedures/import?decision=d1&from=2026-07-01T07:30&dry_run=true&column=M%C3%A3%3Dcode", body: "code\n1\n", contentType: "text/csv"},
		"POST /v1/procedures/abolitions":           {path: "/v1/procedures/abolitions", body: `{"decision": "d1", "codes": ["1.001193"], "from": "2026-07-01T07:30"}`},
		"GET /v1/numbers":                          {path: "/v1/numbers?agency=000.00.00.H47&year=2026&state=reserved"},
		"POST /v1/numbers":                         {path: "/v1/numbers", body: `{"agency": "000.00.00.H47", "kind": "Quyết định", "notation": "QĐ-UBND", "subject": "Cử cán bộ", "key": "k"}`},
		"GET /v1/numbers/next":                     {path: "/v1/numbers/next?kind=Quy%E1%BA%BFt+%C4%91%E1%BB%8Bnh&agency=000.00.00.H47"},
		"POST /v1/numbers/cancellations":           {path: "/v1/numbers/cancellations", body: `{"agency": "000.00.00.H47", "number": 7, "notation": "QĐ-UBND", "reason": "soạn sai"}`},
		"GET /v1/legal-terms":                      {path: "/v1/legal-terms"},
		"POST /v1/legal-terms":                     {path: "/v1/legal-terms", body: `{"source": "NĐ 30", "terms": [{"id": "send", "duty": "send", "from": "2020-03-05", "days": 2, "source": "điều 18"}], "dry_run": true}`},
		"POST /v1/calendar":                        {path: "/v1/calendar", body: `{"source": "TB 1", "days": [{"date": "2027-02-05", "kind": "working", "name": "Tết"}], "dry_run": true}`},
		"GET /v1/lists":                            {path: "/v1/lists"},
		"PUT /v1/lists":                            {path: "/v1/lists", body: `{"name": "Các sở", "recipients": ["000.00.12.H47"]}`},
		"DELETE /v1/lists":                         {path: "/v1/lists?name=a", status: 204},
		"POST /v1/agencies/{code}/hand-over":       {path: "/v1/agencies/000.00.12.H47/hand-over?dry_run=true", body: `{"to": "H17.12"}`},
		"GET /v1/routing-rules":                    {path: "/v1/routing-rules?version=3"},
		"PUT /v1/routing-rules":                    {path: "/v1/routing-rules", body: `{"rules": [{"name": "Gửi Sở Tư pháp", "action": "copy", "recipients": ["000.00.14.H47"]}]}`},
		"POST /v1/routing-rules/trials":            {path: "/v1/routing-rules/trials", body: `{"days": 30}`},
		"GET /v1/routing-rules/failures":           {path: "/v1/routing-rules/failures"},
		"GET /v1/agencies.json":                    {path: "/v1/agencies.json"},
		"GET /v1/agencies/{code}/history":          {path: "/v1/agencies/H47/history"},
		"GET /v1/agencies/changes":                 {path: "/v1/agencies/changes?since=3,a0&limit=10"},
		"GET /v1/agencies/acts":                    {path: "/v1/agencies/acts"},
		"POST /v1/agencies/acts":                   {path: "/v1/agencies/acts?dry_run=true", body: `{"kind": "rename", "day": "2025-07-01", "from": ["H47.12"], "name": "Sở Mới"}`},
		"GET /v1/keys":                             {path: "/v1/keys"},
		"POST /v1/keys":                            {path: "/v1/keys", body: `{"name":"x","kind":"system","agencies":["000.00.00.H47"],"scopes":["read"]}`, contentType: j, status: 201},
		"DELETE /v1/keys/{key}":                    {path: "/v1/keys/k1", status: 204},

		"POST /v1/dossiers/packages/{dispatch}/settlement": {path: "/v1/dossiers/packages/x1/settlement", body: `{"reason": "sent again by hand"}`, contentType: j},

		"GET /v1/accounts": {path: "/v1/accounts"},

		"GET /v1/enrolments":                {path: "/v1/enrolments"},
		"POST /v1/enrolments":               {path: "/v1/enrolments", body: `{"agency":"000.00.00.H47","channels":["rest"],"contact":"Mẫu"}`, contentType: j, status: 201},
		"DELETE /v1/enrolments/{enrolment}": {path: "/v1/enrolments/e1", status: 204},
		"POST /v1/enrol":                    {path: "/v1/enrol", body: `{"code":"ABCD"}`, contentType: j},

		"GET /v1/subscriptions":                         {path: "/v1/subscriptions?agency=000.00.00.H47"},
		"POST /v1/subscriptions":                        {path: "/v1/subscriptions", body: `{"agency":"000.00.00.H47","kind":"webhook","target":"https://xa.example/hook"}`, contentType: j, status: 201},
		"GET /v1/subscriptions/{subscription}":          {path: "/v1/subscriptions/s1"},
		"DELETE /v1/subscriptions/{subscription}":       {path: "/v1/subscriptions/s1", status: 204},
		"POST /v1/subscriptions/{subscription}/secret":  {path: "/v1/subscriptions/s1/secret", body: `{"overlap_seconds":3600}`, contentType: j},
		"PUT /v1/subscriptions/{subscription}/pause":    {path: "/v1/subscriptions/s1/pause", body: `{"paused":true}`, contentType: j},
		"POST /v1/subscriptions/{subscription}/replays": {path: "/v1/subscriptions/s1/replays", body: `{"set_aside":true}`, contentType: j},
		"POST /v1/connection-tests":                     {path: "/v1/connection-tests", body: `{"agency":"000.00.00.H47"}`, contentType: j},
		"POST /v1/subscriptions/{subscription}/tests":   {path: "/v1/subscriptions/s1/tests", body: `{}`, contentType: j},
		"GET /v1/subscriptions/{subscription}/pushes":   {path: "/v1/subscriptions/s1/pushes?state=told"},
		"POST /v1/accounts":                             {path: "/v1/accounts", body: `{"name":"van.thu","full_name":"Mẫu","memberships":[{"agency":"000.00.00.H47","role":"clerk"}]}`, contentType: j, status: 201},
		"DELETE /v1/accounts/{name}/password":           {path: "/v1/accounts/van.thu/password"},
		"PUT /v1/accounts/{name}/lock":                  {path: "/v1/accounts/van.thu/lock", body: `{"locked":true}`, contentType: j},
		"PUT /v1/accounts/{name}/login":                 {path: "/v1/accounts/van.thu/login", body: `{"login":"s-1"}`, contentType: j},

		"POST /v1/packages":                       {path: "/v1/packages?to=000.00.12.H47", body: "<edXML/>", contentType: "application/xml", status: 201},
		"POST /v1/dispatches":                     {path: "/v1/dispatches", body: formOf("submission", submissionOK, "p1", "abc"), contentType: formType, status: 201},
		"POST /v1/uploads":                        {path: "/v1/uploads", body: submissionOK, contentType: j, status: 201},
		"GET /v1/uploads/{upload}":                {path: "/v1/uploads/u1"},
		"PATCH /v1/uploads/{upload}/parts/{part}": {path: "/v1/uploads/u1/parts/p1", body: "abcd", contentType: "application/octet-stream", header: []string{"Upload-Offset", "0"}, status: 204},
		"POST /v1/uploads/{upload}/complete":      {path: "/v1/uploads/u1/complete", status: 201},

		"GET /v1/mailbox":         {path: "/v1/mailbox?state=consigned,queued&free=true&limit=5"},
		"GET /v1/mailbox/events":  {path: "/v1/mailbox/events"},
		"POST /v1/mailbox/leases": {path: "/v1/mailbox/leases", body: `{"max":1,"seconds":60}`, contentType: j},

		"GET /v1/deliveries/{delivery}":                  {path: "/v1/deliveries/v1"},
		"PUT /v1/deliveries/{delivery}/lease":            {path: "/v1/deliveries/v1/lease", body: `{"fence":7,"seconds":60}`, contentType: j},
		"DELETE /v1/deliveries/{delivery}/lease":         {path: "/v1/deliveries/v1/lease?fence=7", status: 204},
		"POST /v1/deliveries/{delivery}/acknowledgement": {path: "/v1/deliveries/v1/acknowledgement", body: `{"fence":7,"parts":{"p1":` + hashOfContent + `}}`, contentType: j},
		"POST /v1/deliveries/{delivery}/acceptance":      {path: "/v1/deliveries/v1/acceptance", body: `{"number":"5","date":"2026-01-05"}`, contentType: j},
		"POST /v1/deliveries/{delivery}/refusal":         {path: "/v1/deliveries/v1/refusal", body: `{"code":"other","detail":"nhầm"}`, contentType: j},
		"POST /v1/deliveries/{delivery}/status":          {path: "/v1/deliveries/v1/status", body: `{"code":"04","stated_at":"2026-01-05T08:00:00+07:00"}`, contentType: j},

		"GET /v1/signatures/rules":                          {path: "/v1/signatures/rules"},
		"PUT /v1/signatures/rules":                          {path: "/v1/signatures/rules", body: `{"rules":[{"sender":"000.00.00.H47","channel":"rest","verdict":"strict","two_signatures":"note","binding":"off"}]}`, contentType: j},
		"GET /v1/agencies/{code}/certificates":              {path: "/v1/agencies/000.00.00.H47/certificates"},
		"POST /v1/agencies/{code}/certificates":             {path: "/v1/agencies/000.00.00.H47/certificates", body: `{"issuer":"CA","subject":["O=UBND"],"role":"seal"}`, contentType: j, status: 201},
		"DELETE /v1/agencies/{code}/certificates/{binding}": {path: "/v1/agencies/000.00.00.H47/certificates/b1"},
		"GET /v1/retention/classes":                         {path: "/v1/retention/classes"},
		"PUT /v1/retention/classes":                         {path: "/v1/retention/classes?dry_run=true", body: `{"classes":[{"id":"a","name":"A","types":[7],"agencies":["000.00.00.H47"],"keep":"P10Y","legal_basis":"x"}]}`, contentType: j},
		"GET /v1/retention/holds":                           {path: "/v1/retention/holds?released=true"},
		"POST /v1/retention/holds":                          {path: "/v1/retention/holds", body: `{"agency":"000.00.00.H47","reason":"thanh tra","until":"2027-01-01T00:00:00Z"}`, contentType: j, status: 201},
		"DELETE /v1/retention/holds/{hold}":                 {path: "/v1/retention/holds/h1?reason=xong"},
		"GET /v1/retention/runs":                            {path: "/v1/retention/runs?limit=5"},
		"POST /v1/retention/runs":                           {path: "/v1/retention/runs", status: 202},
		"GET /v1/retention/runs/{run}":                      {path: "/v1/retention/runs/r1"},
		"GET /v1/retention/findings":                        {path: "/v1/retention/findings"},

		"GET /v1/sent":                               {path: "/v1/sent?number=173/UBND-KSTTHC&state=accepted"},
		"GET /v1/dispatches/{dispatch}":              {path: "/v1/dispatches/d1"},
		"GET /v1/dispatches/{dispatch}/evidence":     {path: "/v1/dispatches/d1/evidence"},
		"GET /v1/dispatches/{dispatch}/validation":   {path: "/v1/dispatches/d1/validation"},
		"GET /v1/dispatches/{dispatch}/signatures":   {path: "/v1/dispatches/d1/signatures"},
		"GET /v1/dispatches/{dispatch}/reports":      {path: "/v1/dispatches/d1/reports"},
		"GET /v1/dispatches/{dispatch}/links":        {path: "/v1/dispatches/d1/links"},
		"POST /v1/deliveries/{delivery}/forward":     {path: "/v1/deliveries/v1/forward", body: `{"recipients":["H47.14"]}`, contentType: j, status: 201},
		"POST /v1/dispatches/{dispatch}/recall":      {path: "/v1/dispatches/d1/recall", body: `{"reason":"ban hành nhầm"}`, contentType: j},
		"GET /v1/dispatches/{dispatch}/parts/{part}": {path: "/v1/dispatches/d1/parts/p1"},
		"GET /v1/dispatches/{dispatch}/package":      {path: "/v1/dispatches/d1/package"},
		"GET /v1/dispatches/{dispatch}/bundle":       {path: "/v1/dispatches/d1/bundle"},
		"GET /v1/evidence/{evidence}":                {path: "/v1/evidence/e1"},
		"GET /v1/evidence/{evidence}/proof":          {path: "/v1/evidence/e1/proof"},
		"GET /log":                                   {path: "/log"},
		"GET /log/{shard}/checkpoint":                {path: "/log/2026/checkpoint"},
		"GET /log/{shard}/timestamp":                 {path: "/log/2026/timestamp?size=5"},
		"GET /log/{shard}/tile/{tile}":               {path: "/log/2026/tile/entries/x001/067.p/5"},
		"GET /v1/sequence":                           {path: "/v1/sequence?agency=000.00.00.H47"},
		"GET /v1/rejections":                         {path: "/v1/rejections?agency=000.00.00.H47"},
		"POST /v1/verify":                            {path: "/v1/verify?name=a.pdf", body: "%PDF-1.7", contentType: "application/octet-stream"},
		"POST /v1/seal":                              {path: "/v1/seal?agency=000.00.00.H47&role=copy", body: "%PDF-1.7", contentType: "application/pdf"},
	}
}

func (e example) headers(more ...string) []string {
	h := append([]string{"Content-Type", e.contentType}, e.header...)
	return append(h, more...)
}

// Every route answers its example as the description says.
func TestEveryRouteAnswers(t *testing.T) {
	spec := readSpec(t)
	stopped := make(chan struct{})
	close(stopped) // so that the event stream ends at once
	s := newTestServer(t, func(o *Options) { o.Stopping = stopped })
	for _, rt := range routes() {
		name := rt.method + " " + rt.pattern
		e, ok := examples()[name]
		if !ok {
			t.Errorf("no example for %s", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			a := s.call(t, rt.method, e.path, e.body, e.headers()...)
			if want := max(e.status, 200); a.StatusCode != want && (e.status != 0 || a.StatusCode != http.StatusOK) {
				t.Fatalf("%d, want %d: %s", a.StatusCode, want, a.body)
			}
			spec.check(t, rt.method, rt.pattern, a)
			for _, h := range []string{"X-Request-Id", "Content-Security-Policy", "Referrer-Policy", "Cache-Control"} {
				if a.Header.Get(h) == "" {
					t.Errorf("the answer has no %s", h)
				}
			}
			if a.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("the answer may be sniffed")
			}
		})
	}
	if n := s.hub.open(); n != 0 {
		t.Errorf("%d blob writers were left open", n)
	}
}

// Without a key only the five public routes answer.
func TestNoKeyNoAnswer(t *testing.T) {
	spec := readSpec(t)
	s := newTestServer(t)
	var public []string
	for _, rt := range routes() {
		e := examples()[rt.method+" "+rt.pattern]
		for _, credential := range []string{"", "Bearer ", "Bearer wrong", "Basic bHRfYWxsX3g=", "lt_all_x", "bearer\tlt_all_x"} {
			a := s.call(t, rt.method, e.path, e.body, e.headers("Authorization", credential)...)
			if a.StatusCode == http.StatusOK {
				if credential == "" {
					public = append(public, rt.pattern)
				}
				continue
			}
			p := a.problem(t)
			if a.StatusCode != http.StatusUnauthorized || p.Kind != hub.KindUntrusted || a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s with %q: %d %s", rt.method, rt.pattern, credential, a.StatusCode, a.body)
			}
			if bytes.Contains(a.body, []byte("inner detail")) {
				t.Error("the reason of a failed authentication got out")
			}
			spec.check(t, rt.method, rt.pattern, a)
		}
	}
	if want := []string{"/healthz", "/readyz", "/v1/version", "/v1/openapi.yaml", "/v1/docs", "/log", "/log/{shard}/checkpoint", "/log/{shard}/timestamp", "/log/{shard}/tile/{tile}", "/v1/enrol"}; !slices.Equal(public, want) {
		t.Errorf("public are %v, want %v", public, want)
	}
	if len(s.hub.writers) != 0 || s.hub.submitted.Sender != "" {
		t.Error("a request without a key did something")
	}
}

// Each scope opens exactly the routes that the table names.
func TestScopes(t *testing.T) {
	stopped := make(chan struct{})
	close(stopped)
	s := newTestServer(t, func(o *Options) { o.Stopping = stopped })
	for _, rt := range routes() {
		if rt.public {
			continue
		}
		e := examples()[rt.method+" "+rt.pattern]
		for _, scope := range append(hub.Scopes(), "none") {
			a := s.call(t, rt.method, e.path, e.body, e.headers("Authorization", "Bearer lt_"+string(scope)+"_x")...)
			allowed := len(rt.scopes) == 0 && scope != hub.ScopePortal || slices.Contains(rt.scopes, scope)
			if denied := a.StatusCode == http.StatusForbidden; denied == allowed {
				t.Errorf("%s %s with scope %s: %d", rt.method, rt.pattern, scope, a.StatusCode)
			}
		}
	}
}

func TestUnknownRoutes(t *testing.T) {
	s := newTestServer(t)
	if p := s.call(t, http.MethodGet, "/v1/nothing", "").problem(t); p.Status != http.StatusNotFound {
		t.Errorf("%+v", p)
	}
	a := s.call(t, http.MethodPut, "/v1/sent", "")
	if p := a.problem(t); p.Status != http.StatusMethodNotAllowed || !slices.Equal(a.Header.Values("Allow"), []string{"GET", "HEAD"}) {
		t.Errorf("%+v, Allow %v", p, a.Header.Values("Allow"))
	}
	if a := s.call(t, "TRACE", "/v1/sent", ""); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("TRACE: %d", a.StatusCode)
	}
}

// The documented curl lines run as they stand.
func TestDocumentedExamplesRun(t *testing.T) {
	for _, tool := range []string{"curl", "sh", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	api, err := schemas.ReadAPI()
	if err != nil {
		t.Fatal(err)
	}
	s := newTestServer(t)
	dir := t.TempDir()
	for name, content := range map[string]string{"a.pdf": theContent, "a.edxml": "<edXML/>", "a.csv": "id,code\n"} {
		writeFile(t, filepath.Join(dir, name), content)
	}
	env := []string{
		"PATH=/usr/bin:/bin", "HUB=" + s.URL, "KEY=lt_all_x", "AGENCY=000.00.00.H47", "RECIPIENT=000.00.12.H47", "COLLEAGUE=000.00.14.H47", "CLOSED=000.00.12.H47",
		"FILE=" + filepath.Join(dir, "a.pdf"), "PACKAGE=" + filepath.Join(dir, "a.edxml"), "BUNDLE=" + filepath.Join(dir, "a.pdf"), "CSV=" + filepath.Join(dir, "a.csv"),
		"DISPATCH=d1", "DELIVERY=v1", "FENCE=7", "EVIDENCE=e1", "UPLOAD=u1", "ENROLMENT=e1", "CODE=ABCD", "KEY_ID=k1", "BINDING=b1", "SUBSCRIPTION=s1", "ALERT=x", "HOOK=https://qlvb.xa.example/hook", "HOLD=h1", "AXIS=https://axis.example.vn/vxp", "RUN=r1", "SIZE=4", "YEAR=2026", "TILE=0/000",
		"TASK=t1", "DOSSIER=d1", "INSPECTION=i1", "REPORT=r1", "DOCX=" + filepath.Join(dir, "a.pdf"),
		"ORDER=o1",
		"SHA256=" + strings.Trim(hashOfContent, `"`),
	}
	for _, op := range api.Operations {
		for _, sample := range op.Samples {
			t.Run(op.ID+sample.Label, func(t *testing.T) {
				t.Parallel()
				cmd := exec.CommandContext(t.Context(), "sh", "-euc", sample.Source)
				cmd.Env, cmd.Dir = env, t.TempDir() // some write a file
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s\n%s", err, sample.Source, out)
				}
			})
		}
	}
}

// One table: each kind of error has its status, and says what the sender may know.
func TestErrorKinds(t *testing.T) {
	s := newTestServer(t)
	for kind, status := range map[hub.ErrorKind]int{
		hub.KindInvalid: 422, hub.KindUntrusted: 422, hub.KindUnknownAgency: 422, hub.KindDenied: 403,
		hub.KindNotFound: 404, hub.KindConflict: 409, hub.KindTooLarge: 413, hub.KindUnsupported: 422,
		hub.KindBusy: 429, hub.KindUnavailable: 503, hub.KindInternal: 500, "made up": 500,
	} {
		s.hub.err = &hub.Error{Kind: kind, Field: "subject", Rule: "rule", Message: "told", Err: errors.New("inner")}
		a := s.call(t, http.MethodGet, "/v1/dispatches/d1", "")
		p := a.problem(t)
		if a.StatusCode != status || kind != "made up" && p.Kind != kind {
			t.Errorf("%s: %d, want %d: %s", kind, a.StatusCode, status, a.body)
		}
		hidden := status == 500
		if bytes.Contains(a.body, []byte("inner")) || bytes.Contains(a.body, []byte("told")) == hidden || p.has("subject", "rule") == hidden || hidden && p.Kind != hub.KindInternal {
			t.Errorf("%s says %s", kind, a.body)
		}
		if retry := a.Header.Get("Retry-After") != ""; retry != (status == 429 || status == 503) {
			t.Errorf("%s: Retry-After is %v", kind, retry)
		}
	}
	if log := s.log.String(); !strings.Contains(log, "inner") {
		t.Errorf("the log does not have the cause: %s", log)
	}
	s.hub.err = errors.New("plain failure")
	if a := s.call(t, http.MethodGet, "/v1/sent", ""); a.StatusCode != http.StatusInternalServerError || bytes.Contains(a.body, []byte("plain")) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	s.hub.err = &hub.Error{Kind: hub.KindBusy, Message: "full", RetryAfter: 90 * time.Second}
	if a := s.call(t, http.MethodGet, "/v1/sent", ""); a.Header.Get("Retry-After") != "90" {
		t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
	}
}

// A refusal tells every violation and carries the sealed bytes unchanged.
func TestRejectionCarriesReceipt(t *testing.T) {
	spec := readSpec(t)
	s := newTestServer(t)
	s.hub.err = &hub.Rejection{Receipt: sealed(), Violations: hub.Violations{
		hub.Errorf(hub.KindTooLarge, "parts[0]", "max_size", "too large"), hub.Invalid("recipients[1]", "required", "missing"),
	}}
	e := examples()["POST /v1/dispatches"]
	a := s.call(t, http.MethodPost, e.path, e.body, e.headers()...)
	p := a.problem(t)
	if a.StatusCode != http.StatusUnprocessableEntity || !p.has("parts[0]", "max_size") || !p.has("recipients[1]", "required") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if !bytes.Contains(a.body, append([]byte(`"receipt":`), hub.MarshalReceipt(sealed())...)) {
		t.Errorf("the receipt is not the sealed bytes: %s", a.body)
	}
	spec.check(t, http.MethodPost, "/v1/dispatches", a)
}

// Receipts in answers are the sealed bytes, and as a file exactly those.
func TestReceiptBytes(t *testing.T) {
	s := newTestServer(t)
	file := hub.MarshalReceipt(sealed())
	if a := s.call(t, http.MethodGet, "/v1/evidence/e1", ""); !bytes.Equal(a.body, file) {
		t.Errorf("got  %s\nwant %s", a.body, file)
	}
	for _, name := range []string{"POST /v1/dispatches", "POST /v1/deliveries/{delivery}/acceptance", "GET /v1/dispatches/{dispatch}/evidence"} {
		e := examples()[name]
		method, _, _ := strings.Cut(name, " ")
		if a := s.call(t, method, e.path, e.body, e.headers()...); !bytes.Contains(a.body, file) {
			t.Errorf("%s changed the receipt: %s", name, a.body)
		}
	}
}

func TestStrictJSON(t *testing.T) {
	s := newTestServer(t)
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for _, row := range []struct {
		body        string
		status      int
		field, rule string
	}{
		{``, 400, "", "json"},
		{`{`, 400, "", "json"},
		{`{"fence":7`, 400, "", "json"},
		{`{"fence":7]`, 400, "", "json"},
		{`{"fence":07,"code":"other"}`, 400, "", "json"},
		{`{"fence":7} {}`, 400, "", "trailing_data"},
		{`{"fence":7}x`, 400, "", "trailing_data"},
		{"{\"code\":\"\xff\"}", 400, "", "utf8_body"},
		{`{"fence":7,"fence":8}`, 400, "fence", "duplicate_member"},
		{`{"fence":7,"f\u0065nce":8}`, 400, "fence", "duplicate_member"},
		{deep, 422, "a", "unknown_member"},
		{`{"Fence":7}`, 422, "Fence", "unknown_member"},
		{`{"fence":7,"extra":null}`, 422, "extra", "unknown_member"},
		{`{"fence":"7"}`, 422, "fence", "type"},
		{`{"fence":7.5}`, 422, "fence", "type"},
		{`{"fence":99999999999999999999}`, 422, "fence", "type"},
		{`{"code":5}`, 422, "code", "type"},
		{`{"code":{}}`, 422, "code", "type"},
		{`{"code":["a"]}`, 422, "code", "type"},
		{`[]`, 422, "", "type"},
		{`"text"`, 422, "", "type"},
	} {
		p := s.call(t, http.MethodPost, "/v1/deliveries/v1/refusal", row.body, "Content-Type", "application/json").problem(t)
		if p.Status != row.status || !p.has(row.field, row.rule) {
			t.Errorf("%.60q: %d %+v, want %d %s %s", row.body, p.Status, p.Errors, row.status, row.field, row.rule)
		}
	}
	for path, row := range map[string][3]string{
		"/v1/deliveries/v1/acknowledgement": {`{"parts":{"p1":"abc"}}`, "parts.p1", "sha256"},
		"/v1/deliveries/v1/status":          {`{"code":"04","stated_at":"yesterday"}`, "stated_at", "format"},
		"/v1/uploads":                       {`{"parts":[{"id":"p1"},{"id":"p2","sise":1}]}`, "parts[1].sise", "unknown_member"},
		"/v1/keys":                          {`{"agencies":["nobody"]}`, "agencies[0]", "unknown_agency"},
		"/v1/mailbox/leases":                {`{"seconds":-1}`, "seconds", "range"},
	} {
		p := s.call(t, http.MethodPost, path, row[0], "Content-Type", "application/json").problem(t)
		if p.Status != http.StatusUnprocessableEntity || !p.has(row[1], row[2]) {
			t.Errorf("%s: %d %+v, want %v", path, p.Status, p.Errors, row)
		}
	}
	if p := s.call(t, http.MethodPost, "/v1/uploads", deepArray(), "Content-Type", "application/json").problem(t); p.Status != http.StatusBadRequest && p.Status != http.StatusUnprocessableEntity {
		t.Errorf("deep nesting: %+v", p)
	}
	if p := s.call(t, http.MethodPost, "/v1/keys", "{}", "Content-Type", "text/plain").problem(t); p.Status != http.StatusUnsupportedMediaType {
		t.Errorf("another media type: %+v", p)
	}
	if p := s.call(t, http.MethodPost, "/v1/keys", "{}", "Content-Type", "application/json", "Content-Encoding", "gzip").problem(t); p.Status != http.StatusUnsupportedMediaType {
		t.Errorf("compressed JSON: %+v", p)
	}
	big := `{"name":"` + strings.Repeat("x", 1<<20) + `"}`
	if p := s.call(t, http.MethodPost, "/v1/keys", big, "Content-Type", "application/json").problem(t); p.Status != http.StatusRequestEntityTooLarge || !p.has("", "max_size") {
		t.Errorf("too large: %+v", p)
	}
}

func deepArray() string { return strings.Repeat("[", 100_000) }

func TestDepthIsBounded(t *testing.T) {
	var v struct {
		Any map[string]any `json:"any"`
	}
	err := strictjson.Decode([]byte(`{"any":`+strings.Repeat(`{"a":`, 40)+"1"+strings.Repeat("}", 41)), &v)
	if hub.ViolationsOf(err)[0].Rule != "max_depth" {
		t.Errorf("%v", err)
	}
	if err := strictjson.Decode([]byte(`{"any":{"A":1,"a":[1,"x",null,true]}}`), &v); err != nil || len(v.Any) != 2 {
		t.Errorf("%v %v", v, err)
	}
}

func TestQueryParameters(t *testing.T) {
	s := newTestServer(t)
	for path, want := range map[string][2]string{
		"/v1/sent?limit=0":                       {"limit", "range"},
		"/v1/sent?limit=201":                     {"limit", "range"},
		"/v1/sent?limit=x":                       {"limit", "range"},
		"/v1/sent?after=%21":                     {"after", "cursor"},
		"/v1/sent?state=gone":                    {"state", "code_list"},
		"/v1/sent?stat=accepted":                 {"stat", "unknown_parameter"},
		"/v1/sent?number=1&number=2":             {"number", "once"},
		"/v1/sent?q=" + strings.Repeat("x", 501): {"q", "max_length"},
		"/v1/sent?q=%zz":                         {"", "query"},
		"/v1/sent?agency=nobody":                 {"agency", "unknown_agency"},
		"/v1/mailbox?wait=61":                    {"wait", "range"},
		"/v1/mailbox?free=yes":                   {"free", "boolean"},
		"/v1/agencies?at=today":                  {"at", "date_time"},
	} {
		p := s.call(t, http.MethodGet, path, "").problem(t)
		if p.Status != http.StatusUnprocessableEntity || !p.has(want[0], want[1]) {
			t.Errorf("%s: %d %+v, want %v", path, p.Status, p.Errors, want)
		}
	}
	p := s.call(t, http.MethodDelete, "/v1/deliveries/v1/lease", "").problem(t)
	if !p.has("fence", "required") {
		t.Errorf("%+v", p)
	}
	s.hub.actors["lt_all_x"] = hub.Actor{Name: "many", Agencies: []hub.AgencyID{"a1", "a2"}, Scopes: hub.Scopes()}
	if p := s.call(t, http.MethodGet, "/v1/mailbox", "").problem(t); !p.has("agency", "required") {
		t.Errorf("a key of two agencies: %+v", p)
	}
}

// What a store gives as a cursor comes back to it unchanged and stands in an
// address as it is.
func TestPagingRoundTrip(t *testing.T) {
	s := newTestServer(t)
	a := s.call(t, http.MethodGet, "/v1/mailbox?limit=7&state=accepted&state=refused", "")
	var page listing[json.RawMessage]
	if err := json.Unmarshal(a.body, &page); err != nil || len(page.Items) != 1 {
		t.Fatalf("%v: %s", err, a.body)
	}
	if strings.ContainsAny(page.Next, "+/=&?# ") {
		t.Errorf("the cursor %q cannot stand in an address", page.Next)
	}
	s.call(t, http.MethodGet, "/v1/mailbox?after="+page.Next, "")
	if s.hub.mailbox.Page.After != "row/1?&" || s.hub.mailbox.Page.Limit != defaultPage || s.hub.mailbox.Agency != "a1" {
		t.Errorf("the service was asked %+v", s.hub.mailbox)
	}
}

func TestConditionalAndCompressedAnswers(t *testing.T) {
	s := newTestServer(t)
	first := s.call(t, http.MethodGet, "/v1/agencies.csv", "")
	etag := first.Header.Get("ETag")
	if etag == "" || first.Header.Get("Cache-Control") != "private, no-cache" {
		t.Fatalf("headers %v", first.Header)
	}
	again := s.call(t, http.MethodGet, "/v1/agencies.csv", "", "If-None-Match", `"x", `+etag)
	if again.StatusCode != http.StatusNotModified || len(again.body) != 0 || again.Header.Get("ETag") != etag {
		t.Errorf("%d %s", again.StatusCode, again.body)
	}
	zipped := s.call(t, http.MethodGet, "/v1/agencies.csv", "", "Accept-Encoding", "br, gzip;q=0.5")
	if zipped.Header.Get("Content-Encoding") != "gzip" || len(zipped.body) > len(first.body)/2 {
		t.Fatalf("%v", zipped.Header)
	}
	z, err := gzip.NewReader(bytes.NewReader(zipped.body))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(z); err != nil || !bytes.Equal(plain, first.body) {
		t.Errorf("the compressed answer is another one: %v", err)
	}
	if a := s.call(t, http.MethodGet, "/v1/agencies.csv", "", "Accept-Encoding", "gzip;q=0"); a.Header.Get("Content-Encoding") != "" {
		t.Error("compressed for a client that does not want it")
	}
	if a := s.call(t, http.MethodGet, "/v1/dispatches/d1/parts/p1", "", "Accept-Encoding", "gzip"); a.Header.Get("Content-Encoding") != "" {
		t.Error("content is compressed on the way")
	}
	head := s.call(t, http.MethodHead, "/v1/agencies.csv", "")
	if head.StatusCode != http.StatusOK || head.ContentLength != int64(len(first.body)) || len(head.body) != 0 {
		t.Errorf("HEAD: %d, %d bytes announced", head.StatusCode, head.ContentLength)
	}
}

// Neither secrets nor bodies nor what people searched for are logged; who, what
// and how it ended are.
func TestAccessLog(t *testing.T) {
	s := newTestServer(t)
	s.call(t, http.MethodGet, "/v1/sent?q=Nguyen+Van+A", "", "X-Request-Id", "abc-1", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	s.call(t, http.MethodPost, "/v1/deliveries/v1/refusal", `{"code":"other","detail":"secret words"}`, "Content-Type", "application/json")
	s.call(t, http.MethodGet, "/v1/sent", "", "Authorization", "Bearer lt_wrong_secret")
	s.call(t, http.MethodGet, "/v1/sent", "", "X-Request-Id", "evil\tid\"")
	log := s.log.String()
	for _, wanted := range []string{"request=abc-1", "route=/v1/sent", "status=200", "actor=all", "trace=0af7651916cd43dd8448eb211c80319c", "status=401", "request=request-1", "peer=127.0.0.1"} {
		if !strings.Contains(log, wanted) {
			t.Errorf("the log lacks %s", wanted)
		}
	}
	for _, forbidden := range []string{"lt_all_x", "lt_wrong_secret", "Nguyen", "secret words", "evil"} {
		if strings.Contains(log, forbidden) {
			t.Errorf("the log has %s", forbidden)
		}
	}
	if t.Failed() {
		t.Log(log)
	}
}

func TestRequestID(t *testing.T) {
	s := newTestServer(t)
	for given, want := range map[string]string{"abc-1": "abc-1", "": "request-1", "a b": "request-1", strings.Repeat("x", 129): "request-1", "ü": "request-1"} {
		if a := s.call(t, http.MethodGet, "/v1/nothing", "", "X-Request-Id", given); a.Header.Get("X-Request-Id") != want || a.problem(t).RequestID != want {
			t.Errorf("%q: %q, want %q", given, a.Header.Get("X-Request-Id"), want)
		}
	}
}

// A panic is an internal failure of one request, logged with its stack.
func TestPanicIsContained(t *testing.T) {
	s := newTestServer(t, func(o *Options) { o.Ready = func(context.Context) hub.Readiness { panic("secret reason") } })
	a := s.call(t, http.MethodGet, "/readyz", "")
	if a.problem(t).Status != http.StatusInternalServerError || bytes.Contains(a.body, []byte("secret reason")) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if log := s.log.String(); !strings.Contains(log, "secret reason") || !strings.Contains(log, "goroutine") {
		t.Errorf("the log does not tell: %s", log)
	}
	if a := s.call(t, http.MethodGet, "/v1/me", ""); a.StatusCode != http.StatusOK {
		t.Errorf("the server is gone: %d", a.StatusCode)
	}
}

// TestReady: who is not ready is not dead, and says why.
func TestReady(t *testing.T) {
	s := newTestServer(t, func(o *Options) {
		o.Ready = func(context.Context) hub.Readiness {
			return hub.ReadinessOf(
				hub.HealthCheck{Name: "database", State: hub.HealthFailed, Reason: "connection refused", Since: testTime},
				hub.HealthCheck{Name: "broker", State: hub.HealthDegraded})
		}
	})
	if a := s.call(t, http.MethodGet, "/healthz", "", "Authorization", ""); a.StatusCode != http.StatusOK {
		t.Errorf("the process counts as dead: %d", a.StatusCode)
	}
	a := s.call(t, http.MethodGet, "/readyz", "", "Authorization", "")
	if a.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(a.body), `"reason":"connection refused"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	s = newTestServer(t)
	if a := s.call(t, http.MethodGet, "/readyz", "", "Authorization", ""); a.StatusCode != http.StatusOK || !strings.Contains(string(a.body), `"ready":true`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestOverload: new work is refused before its bytes are read, what is there is served.
func TestOverload(t *testing.T) {
	s := newTestServer(t, func(o *Options) {
		o.Overloaded = func() error {
			return &hub.Error{Kind: hub.KindBusy, Rule: "queue_age", Message: "deliveries wait for too long", RetryAfter: 7 * time.Second}
		}
	})
	for _, path := range []string{"/v1/packages", "/v1/dispatches", "/v1/uploads"} {
		a := s.call(t, http.MethodPost, path, "never read")
		if a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") != "7" || a.problem(t).Errors[0].Rule != "queue_age" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := s.call(t, http.MethodGet, "/v1/mailbox?agency=000.00.12.H47", ""); a.StatusCode != http.StatusOK {
		t.Errorf("the mailbox: %d %s", a.StatusCode, a.body)
	}
}

// TestTheLogSaysWhyNothingWasServed: in one line, with the cause where the hub is to
// blame and without what a client wrote.
func TestTheLogSaysWhyNothingWasServed(t *testing.T) {
	s := newTestServer(t, func(o *Options) {
		o.Overloaded = func() error {
			return &hub.Error{Kind: hub.KindUnavailable, Rule: "disk", Message: "the hub's storage is full", Err: errors.New("12 MiB free")}
		}
	})
	if a := s.call(t, http.MethodPost, "/v1/dispatches", "never read"); a.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	s.call(t, http.MethodPost, "/v1/keys", `{"name": "Nguyễn Văn Mật", "nobody": 1}`)
	lines := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	for _, want := range []string{"level=WARN msg=request", "status=503", "kind=unavailable", "rule=disk", "12 MiB free"} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("no %s in %s", want, lines[0])
		}
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, "status=422") || !strings.Contains(last, "kind=invalid") || !strings.Contains(last, "field=nobody") {
		t.Errorf("%s", last)
	}
	if strings.Contains(s.log.String(), "Mật") {
		t.Error("the log repeats what a client wrote")
	}
}

// TestMetricsAreForOperators and tell nothing of the addresses that were asked for.
func TestMetricsAreForOperators(t *testing.T) {
	var seen []Observation
	s := newTestServer(t, func(o *Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
		o.Observe = func(_ context.Context, o Observation) { seen = append(seen, o) }
	})
	if a := s.call(t, http.MethodGet, "/metrics", ""); a.StatusCode != http.StatusOK || string(a.body) != "up 1\n" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := s.call(t, http.MethodGet, "/metrics", "", "Authorization", ""); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a key: %d", a.StatusCode)
	}
	s.call(t, http.MethodGet, "/v1/deliveries/secret-number", "")
	if last := seen[len(seen)-1]; last.Route != "/v1/deliveries/{delivery}" || last.Method != http.MethodGet || last.Status == 0 {
		t.Errorf("observed %+v", last)
	}
	without := newTestServer(t, func(o *Options) { o.Metrics = nil })
	if a := without.call(t, http.MethodGet, "/metrics", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("a hub without metrics: %d", a.StatusCode)
	}
}
