"""Tests of `kws.service`."""
