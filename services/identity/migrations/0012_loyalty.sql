-- The permissions that came with the loyalty service, for our own apps.
UPDATE apps SET scopes = scopes || '{campaigns:write,rewards:redeem,rewards:review}' WHERE client_id = 'forecourt-console';
