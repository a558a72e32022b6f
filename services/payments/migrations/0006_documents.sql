-- Bills read a driver's payments by the moment they were made.
CREATE INDEX orders_paid_by_driver ON orders (driver_id, paid_at DESC, order_id DESC) WHERE paid_at IS NOT NULL;
