"""kws as a service of systemd: where its files go, and how they get there."""
