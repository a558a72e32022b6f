"""The whole platform on one machine without Docker: servers, their provisioning and the services."""
