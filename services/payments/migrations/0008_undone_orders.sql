-- An order that coupons and points paid wholly can be undone: no money goes back, but the discount does.

ALTER TABLE refunds DROP CONSTRAINT refunds_amount_minor_check;
ALTER TABLE refunds ADD CONSTRAINT refunds_amount_minor_check
    CHECK (amount_minor > 0 OR (amount_minor = 0 AND purpose = 'order' AND method = 'none'));
