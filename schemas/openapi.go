package schemas

import _ "embed"

//go:embed openapi.yaml
var openAPI string

// OpenAPI returns the description of the REST API as it is written, in YAML.
func OpenAPI() string { return openAPI }
