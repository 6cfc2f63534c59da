"""What one can ask enrolment to do; what is refused has changed nothing."""
