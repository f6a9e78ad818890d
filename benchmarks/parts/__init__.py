"""What benchmarks are made of: environments of any size, a sandbox that holds them, and a bare client."""
