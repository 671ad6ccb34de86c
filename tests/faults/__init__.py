"""The bench: what does harm to the gateway on purpose, and what proves that nothing was lost by it."""
