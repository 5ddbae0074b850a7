"""The lab: a site's machines as unprivileged systemd containers on one machine, for people and for Molecule alike."""
