"""For the machine clients of a district: own schemas, which are a promise to other people's programs."""
