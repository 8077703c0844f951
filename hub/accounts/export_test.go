package accounts

// CodeOf is for tests that hold an authenticator program.
func CodeOf(secret []byte, step int64) string { return codeOf(secret, step) }
