-- +goose Up
-- What is searched for are whole words: each stands between blanks.
UPDATE dispatches SET search = ' ' || trim(regexp_replace(search, '[\x01-\x2f\x3a-\x60\x7b-\x7f“”‘’–—…«»•·]+', ' ', 'g')) || ' ';

-- Which dispatches have a word, and which agencies they are of: words that begin with @, or
-- with ! for a recipient to whom the dispatch is urgent.
CREATE TABLE dispatch_words (
    dispatch text COLLATE "C" NOT NULL,
    words    text[] COLLATE "C" NOT NULL
);

-- indexed_words are words that stand between blanks, and with each that begins with a digit
-- the next one.
-- +goose StatementBegin
CREATE FUNCTION indexed_words(spaced text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(word ORDER BY n), '{}') || coalesce(array_agg(word || '+' || next ORDER BY n) FILTER (WHERE next IS NOT NULL AND word ~ '^[0-9]'), '{}')
    FROM (SELECT word, n, lead(word) OVER (ORDER BY n) AS next FROM unnest(string_to_array(trim(spaced), ' ')) WITH ORDINALITY AS w (word, n)) w
$$;
-- +goose StatementEnd

INSERT INTO dispatch_words (dispatch, words)
    SELECT d.id, indexed_words(d.search) || ('@' || encode(convert_to(d.sender, 'UTF8'), 'hex')) || coalesce(v.agencies, '{}')
    FROM dispatches d LEFT JOIN (SELECT dispatch, array_agg(CASE calm WHEN 0 THEN '!' ELSE '@' END || encode(convert_to(recipient, 'UTF8'), 'hex')) AS agencies
        FROM deliveries GROUP BY dispatch) v ON v.dispatch = d.id;

CREATE INDEX dispatch_words_words ON dispatch_words USING gin (words);

-- dispatches_with returns dispatches that have all words, at most so many. The planner
-- would rather walk through the table than ask the index where it believes that much is
-- found, which takes long where it is wrong.
-- +goose StatementBegin
CREATE FUNCTION dispatches_with(wanted text[], most integer) RETURNS SETOF text LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT dispatch FROM dispatch_words WHERE words @> wanted LIMIT most
$$;
-- +goose StatementEnd
