-- The permissions that came with the analytics service, for our own apps.
UPDATE apps SET scopes = scopes || '{reports:read,reports:schedule}' WHERE client_id = 'forecourt-console';
