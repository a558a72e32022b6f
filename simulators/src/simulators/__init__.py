"""Outside platforms as Forecourt meets them: the same wire protocols, error codes and limits, on this machine."""
