-- Tiers, what fuel earns, who invited whom, and what looks like misuse.

CREATE TABLE member_months (            -- how much fuel of each UTC month counts: tiers need no purchase older than it
    driver_id text NOT NULL,
    month     date NOT NULL CHECK (extract(day FROM month) = 1),
    volume_ml bigint NOT NULL,
    PRIMARY KEY (driver_id, month)
) WITH (fillfactor = 70);

-- The month for which the tier was last worked out: what is above the lowest is worked out anew in each month.
ALTER TABLE members ADD COLUMN tier_month date NOT NULL DEFAULT date_trunc('month', now() AT TIME ZONE 'UTC')::date;
CREATE INDEX members_to_review ON members (tier_month) WHERE tier <> 'member';

CREATE TABLE earning_rule_sets (        -- each an operator's whole list; nothing is ever changed, so it says who did what
    operator   text NOT NULL,
    version    int NOT NULL CHECK (version > 0),
    rules      jsonb NOT NULL,
    valid_from timestamptz NOT NULL,    -- for orders that are paid from then on, until that of the next version
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operator, version)
);
