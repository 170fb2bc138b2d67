"""EventBridge's bus and its targets."""
