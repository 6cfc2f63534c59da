"""Every page and form of enrolment, without JavaScript, in both languages."""
