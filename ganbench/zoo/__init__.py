"""The built-in components, registered through the same hooks as a third party's."""
