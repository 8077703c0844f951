-- +goose Up
-- From here on a signature is kept once for all evidences of one act that share it
-- (storage/internal/sqlkit/signature.go). Rows of before stay as they are. The new number
-- keeps programs out that would give such a row to somebody as it is.
COMMENT ON COLUMN evidences.jws IS 'the JWS, or <id of the evidence that has the shared signature>~<place in the batch>';
