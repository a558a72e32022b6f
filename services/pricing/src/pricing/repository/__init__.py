"""Every query of pricing, a file for each area. Batches travel as arrays: one statement each."""
