"""The bench: how fast the standing lab is judged and made right, in units of one ping playbook; nothing is asserted."""
