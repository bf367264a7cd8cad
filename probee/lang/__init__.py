"""What users write with: types, maps, variables, program decorators, kernel-side built-ins."""
