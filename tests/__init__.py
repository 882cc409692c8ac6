"""Tests of the promises; how they run stands in scripts/test."""
