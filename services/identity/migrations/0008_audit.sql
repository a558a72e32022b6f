-- The audit log takes new entries and nothing else; its newest one is known in a second place as well.

-- Entries were chained under the keys of personal data, which are pruned. From here on the log has keys of its own.
TRUNCATE audit_log;

CREATE TABLE audit_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sequence bigint NOT NULL,
    hash     bytea NOT NULL,
    anchor   bytea NOT NULL -- keyed hash of the two: whoever cuts the log off cannot make the one of an older entry
);
INSERT INTO audit_head (sequence, hash, anchor) VALUES (0, '', '');

CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log takes new entries only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_log();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_log();
-- Also in a session that plays a replica, for which triggers are off.
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE audit_head ENABLE ALWAYS TRIGGER append_only;
