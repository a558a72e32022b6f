-- Who was merged into another account is gone as well: what is still written for them is refused, too.

ALTER TABLE erasures ADD COLUMN merged_into text; -- null: erased
