-- One database a service; run once, when PostgreSQL's volume is new.
CREATE DATABASE catalogue;
CREATE DATABASE enrolment;
CREATE DATABASE notifications;
CREATE DATABASE billing;
