"""What a configuration will come to: hours that never come, campaigns in each other's way, evenings that are too full."""
