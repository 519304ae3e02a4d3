"""Prints its last words and ends with exit code 7."""

import sys

print("the table `orders` does not exist")
sys.exit(7)
