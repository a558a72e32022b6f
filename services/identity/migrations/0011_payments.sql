-- The permissions that came with the payments service, for our own apps.
UPDATE apps SET scopes = scopes || '{pay,cards:secure}' WHERE client_id = 'forecourt-app';
UPDATE apps SET scopes = scopes || '{refunds:write,refunds:approve,finance}' WHERE client_id = 'forecourt-console';
