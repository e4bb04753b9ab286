"""What the demo and the system tests share: network namespaces, live feeds, and the programs under test."""
