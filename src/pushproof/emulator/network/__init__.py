"""Network paths of tasks and builds."""
