-- What an invitation has of a person is sealed under a data key of its own, which goes with it: the person may not be
-- one of ours yet.
ALTER TABLE invitations DROP COLUMN box;
CREATE INDEX invitations_of_inviter ON invitations (invited_by, id);
