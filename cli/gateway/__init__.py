"""The simulated payment gateway."""
