"""What serves the page Betrieb."""
