-- What a person did, for whoever asks what is known of them.

CREATE INDEX price_change_steps_of_actor ON price_change_steps (actor, change_id, position);
