-- +goose Up
-- What is searched for are whole words: each stands between blanks.
UPDATE dispatches SET search = spaced(search);

-- Which dispatches have a word, and which agencies they are of: words that begin with @, or
-- with ! for a recipient to whom the dispatch is urgent. It keeps no text, only where words
-- are.
CREATE VIRTUAL TABLE dispatch_words USING fts5 (dispatch UNINDEXED, words,
    content = '', contentless_unindexed = 1, detail = none, columnsize = 0, tokenize = "ascii tokenchars '@!+'");

INSERT INTO dispatch_words (dispatch, words)
    SELECT id, indexed(search) || ' @' || lower(hex(sender)) || coalesce((SELECT group_concat(' ' || CASE calm WHEN 0 THEN '!' ELSE '@' END || lower(hex(recipient)), '') FROM deliveries WHERE dispatch = d.id), '')
    FROM dispatches d ORDER BY id;
