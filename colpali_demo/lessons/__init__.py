"""The numbers behind the guided cards, worked out from one search; published figures with their sources."""
