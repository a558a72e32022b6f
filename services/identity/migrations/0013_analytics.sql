-- The permission that came with the analytics service, for our own apps.
UPDATE apps SET scopes = scopes || '{reports:read}' WHERE client_id = 'forecourt-console';
