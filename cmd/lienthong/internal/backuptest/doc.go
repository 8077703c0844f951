// Package backuptest is the restore drill: hubs as processes are backed up under
// load, killed and destroyed, and brought back, into the same engine and into others.
// What clients were promised before the backup must be there afterwards, to the byte.
// It also damages stores on purpose: verify-store must name each damage. Everything
// here is test code.
package backuptest
