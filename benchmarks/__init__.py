"""What Seatrial costs, each figure beside something measured in the same run."""
