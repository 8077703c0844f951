-- +goose Up
-- Room in every page of deliveries, so that a lease stays in the page of its row and no index
-- hears of it. Partitions do not take that from their table, so that each is told when it is made.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION ensure_partitions(first date, last date) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    large text; part text; month date; late boolean; low text; high text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('lienthong partitions', 0));
    FOR month IN SELECT generate_series(date_trunc('month', first), date_trunc('month', last), interval '1 month')::date LOOP
        FOREACH large IN ARRAY ARRAY['dispatches', 'dispatch_parts', 'deliveries', 'evidences', 'status_reports'] LOOP
            part := large || to_char(month, '_YYYY_MM');
            CONTINUE WHEN to_regclass(part) IS NOT NULL OR to_regclass('archive.' || part) IS NOT NULL;
            low := month_bound(month);
            high := month_bound((month + interval '1 month')::date);
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE %I >= $1 AND %2$I < $2)',
                large || '_default', CASE large WHEN 'dispatch_parts' THEN 'dispatch' ELSE 'id' END) INTO late USING low, high;
            CONTINUE WHEN late;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)', part, large, low, high,
                CASE large WHEN 'deliveries' THEN 70 ELSE 100 END);
            IF large = 'evidences' THEN
                EXECUTE format('CREATE TRIGGER evidences_are_not_emptied BEFORE TRUNCATE ON %I EXECUTE FUNCTION evidence_stays()', part);
            END IF;
            RETURN NEXT part;
        END LOOP;
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
DO $$
DECLARE
    part regclass;
BEGIN
    EXECUTE format('ALTER FUNCTION ensure_partitions SET search_path = %I, pg_temp', current_schema());
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'deliveries'::regclass LOOP
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 70)', part);
    END LOOP;
END $$;
-- +goose StatementEnd
