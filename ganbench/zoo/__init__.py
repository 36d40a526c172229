"""What ganbench brings along, registered through the same hooks as a third party's."""
