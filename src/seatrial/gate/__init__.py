"""From evidence to verdict: a pure function, so that any run can be judged again."""
