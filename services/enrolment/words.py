"""Enrolment's rules and states in words, the same on pages, in the API's answers and in print."""

from __future__ import annotations

from services.chassis.refusals import N_
from services.contracts.fact import LocalText
from services.contracts.rule_words.names import INSTRUMENTS as INSTRUMENT_NAMES
from services.contracts.rule_words.names import as_words

STATES = {
    "placed": N_("Has a place"),
    "offered": N_("Has an offer"),
    "queued": N_("In the queue"),
    "ended": N_("Ended"),
}

# Badge kinds of the design, by state.
STATE_KINDS = {"placed": "ok", "offered": "info", "queued": "queue", "ended": "neutral"}

OUTCOMES = {
    "withdrawn": N_("Withdrawn by the family"),
    "declined": N_("The offer was declined"),
    "course_cancelled": N_("The course was cancelled"),
    "expired": N_("The offer was not answered in time"),
    "better_choice": N_("A choice ranked before it became a place, and the school's rules allow no more"),
    "one_instrument": N_("Another instrument was accepted, and the school's rule is one instrument"),
    "not_renewed": N_("Not confirmed for the next term"),
    "not_carried_over": N_("The queue does not go on in the next term; the queue date is kept"),
    "merged": N_("The pupil was registered twice, and this application too"),
}

RULES = {
    "admission_round": N_("The place was given in the admission round, to everybody at once."),
    "free_seat": N_("There was a free seat, and nobody was waiting for it."),
    "next_in_queue": N_("A seat came free, and the pupil was next in the queue."),
    "queue_date": N_(
        "The course was full. The queue goes by date of application: who applied first is first."
    ),
    "new_pupils_first": N_(
        "The course was full. In this school's queue, pupils without a place at the school go first."
    ),
    "host_residents_first": N_(
        "The course was full. In this school's queue, pupils who live in the municipality go first."
    ),
    "children_before_adults": N_(
        "The course was full. In this school's queue, children and young people go before adults."
    ),
    "moved_in_first": N_(
        "The course was full. In this school's queue, who moved in and played in another school goes first."
    ),
    "on_time_first": N_(
        "The course was full. In this school's queue, who applied in time goes before who came later."
    ),
    "siblings_first": N_(
        "The course was full. In this school's queue, who has a brother or sister on the course goes first."
    ),
    "queue_day": N_("The course was full. The queue goes by the day of application."),
    "lottery": N_("The course was full. A lottery decides between those who are equal."),
    "reserved_seat": N_("The seats that are free are kept for pupils of another municipality."),
    "ceiling_reached": N_(
        "There is a free seat, but the home municipality pays for no more places elsewhere this term."
    ),
    "carried_over": N_("The pupil has a place in the term before, and by the school’s rules it goes on."),
    "queue_carried_over": N_(
        "The pupil waited in the term before, and by the school’s rules the queue date goes on."
    ),
    "queue_to_confirm": N_(
        "The pupil waited in the term before. "
        "By the school’s rules the queue date goes on if it is confirmed."
    ),
    "fewer_seats": N_(
        "The course has fewer seats this term. Who has had a place longest keeps it, the others wait with "
        "their queue date."
    ),
    "kept_seats": N_(
        "The seats that are free are kept for those who are on the course in the term before, until it is "
        "settled who of them goes on."
    ),
    "main_admission": N_(
        "The school gives its places at the main admission, in the order of its rules. Until then all wait."
    ),
    "seats_together": N_(
        "There are too few free seats for all the siblings. They get places together or not at all."
    ),
    "kept_after_refusal": N_(
        "The offer was not taken. By the school's rules the place in the queue is kept this time."
    ),
}

# Why others stand ahead, with %(count)s for how many; by the criterion that puts them there.
AHEAD = {
    "queue_date": N_("%(count)s with an earlier queue date"),
    "queue_day": N_("%(count)s with an earlier queue date"),
    "new_pupils_first": N_("%(count)s who have no place at the school yet"),
    "host_residents_first": N_("%(count)s who live in the school's municipality"),
    "children_before_adults": N_("%(count)s who are children, before adults"),
    "moved_in_first": N_("%(count)s who moved in and played in another school"),
    "on_time_first": N_("%(count)s who applied in time"),
    "siblings_first": N_("%(count)s who have a brother or sister on the course"),
    "lottery": N_("%(count)s with an earlier lot in the lottery"),
}

# Why a seat went to one behind.
SKIPS = {
    "declined_this_seat": N_("A seat went to the next in line, since you had said no to it."),
    "reserved_seat": N_("A seat went to a pupil of the municipality that it is reserved for."),
    "with_sibling": N_("A seat went to a brother or sister of one ahead: they came together."),
    "seats_together": N_("A seat went to the next in line: there were too few for all the siblings."),
    "has_enough": N_("A seat went to the next in line: the pupil has as many courses as the school allows."),
    "ceiling_reached": N_("A seat went to the next in line: the home municipality pays for no more places."),
}

# The same to staff, before they offer: why one who stands ahead would not get a seat.
PASSED_OVER = {
    "declined_this_seat": N_("Said no to this seat"),
    "reserved_seat": N_("The seats that are left are kept for another municipality"),
    "has_enough": N_("Has as many courses as the school allows, or another one at that time"),
    "seats_together": N_("Too few seats are left for all the siblings, who come together or not at all"),
    "with_sibling": N_("The seat goes to a brother or sister of one ahead: they come together"),
    "ceiling_reached": N_("The home municipality pays for no more places"),
}

# By which criterion of the rule book one stands before the next in line.
STANDS_BY = {
    "queue_date": N_("Earlier queue date than the next in line"),
    "queue_day": N_("Earlier queue date than the next in line"),
    "new_pupils_first": N_("Has no place at the school yet, the next in line has"),
    "host_residents_first": N_("Lives in the school’s municipality, the next in line does not"),
    "children_before_adults": N_("A child, the next in line is an adult"),
    "moved_in_first": N_("Moved in and played in another school, the next in line did not"),
    "on_time_first": N_("Applied in time, the next in line came later"),
    "siblings_first": N_("Has a brother or sister on the course, the next in line has not"),
    "lottery": N_("Earlier lot in the lottery than the next in line"),
}

# What a family is told once its answer is kept.
CAME_TO = {
    "withdrawn": N_("The application is withdrawn."),
    "accepted": N_("The place is yours. Welcome!"),
    "declined": N_("You have declined the offer. It goes to the next in line."),
    "held": N_(
        "Your no is kept. The seat is held until the other guardian has answered, or the time is over."
    ),
    "disputed": N_(
        "You two have answered differently. The school settles it, and the seat is held meanwhile."
    ),
}

ANSWERS = {"yes": N_("yes"), "no": N_("no")}

PUPIL_EVENTS = {
    "moved": N_("Moved to another municipality"),
    "recorded": N_("What is recorded was changed"),
    "guardian_connected": N_("A guardian was connected"),
    "identity_corrected": N_("The number was corrected"),
    "merged": N_("Two records became one"),
    "household_recorded": N_("With whom the pupil lives was recorded"),
    "contact_recorded": N_("The pupil's address for letters was recorded"),
    "home_merged": N_("The home municipality became a part of another one"),
    "protected": N_("The identity came under protection"),
    "alias_changed": N_("Another alias is shown"),
    "protection_ended": N_("The protection of the identity ended"),
}

# What has happened to an application; `skipped` has a reason of its own.
EVENTS = {
    **STATES,
    **PUPIL_EVENTS,
    "skipped": N_("Passed over for a seat"),
    "ranked": N_("The choices were ranked anew"),
    "chosen": N_("Rental or Fritidskort was changed"),
    "rental_ended": N_("The rental of the instrument ended by the school’s rules"),
    "asked": N_("Done by the school, as the family asked"),
    "entered": N_("Entered by the school"),
    "held": N_("A guardian said no; the seat is held for the other one’s answer"),
    "disputed": N_("Two guardians answered differently; the school settles it"),
    "settled": N_("The school settled what the guardians disagreed about"),
    "came_of_age": N_("The pupil turned 18 and decides"),
    "next_term_confirmed": N_("Confirmed for the next term"),
    "next_term_given_up": N_("Given up for the next term"),
    "next_term_undone": N_("What was said of the next term was taken back"),
    "not_continued": N_("Does not go on in the next term"),
}

ROUND_STATES = {
    "open": N_("Families rank"),
    "run": N_("Run, not published"),
    "published": N_("Published, and all are told"),
}
ROUND_STATE_KINDS = {"open": "info", "run": "warn", "published": "ok"}
RUN_KINDS = {"rehearsal": N_("Rehearsal"), "final": N_("The run that counts")}

WISH_OUTCOMES = {
    "placed": N_("Got the place"),
    "full": N_("Full: others were ahead in the school's order"),
    "not_needed": N_("Not needed: a better wish came true"),
    "ceiling": N_("The home municipality pays for no more places elsewhere, and a lottery decided whose"),
    "refused": N_("Not possible under the rules any more"),
}
# Why a wish was not possible any more, where the name of the refusal says it shortly.
WISH_REFUSALS = {
    "has_place_already": N_("The pupil has a place on the course."),
    "course_unknown": N_("The course is cancelled."),
    "too_many_courses": N_("The pupil has as many courses as the school allows."),
    "too_many_instruments": N_("The pupil has as many instruments as the school allows."),
    "too_many_choices": N_("The pupil has as many choices as the school allows."),
    "clash": N_("The pupil has another course at that time, or too little time to travel."),
}
WISH_CRITERIA = {
    "queue_date": N_("They had waited longer."),
    "new_pupils_first": N_("Pupils without a place at the school go first."),
    "host_residents_first": N_("Pupils who live in the municipality go first."),
    "children_before_adults": N_("Children and young people go before adults."),
    "moved_in_first": N_("Pupils who moved in and attended a school elsewhere go first."),
    "on_time_first": N_("Those who applied in time go first."),
    "siblings_first": N_("Pupils with a brother or sister on the course go first."),
    "queue_day": N_("They had waited longer."),
    "lottery": N_("They were equal in everything else, and the lottery decided."),
}

# Instruments that a form offers to rent, by the keys that rule books and courses carry.
INSTRUMENTS = (
    "accordion",
    "bassoon",
    "cello",
    "clarinet",
    "cornet",
    "double_bass",
    "drums",
    "electric_bass",
    "electric_guitar",
    "flute",
    "guitar",
    "harp",
    "horn",
    "keyboard",
    "oboe",
    "saxophone",
    "trombone",
    "trumpet",
    "tuba",
    "ukulele",
    "viola",
    "violin",
)


def instrument(key: str) -> LocalText:
    """Its name, to begin a line with."""
    name = INSTRUMENT_NAMES.get(key) or as_words(key)
    return LocalText(name.sv[:1].upper() + name.sv[1:], name.en[:1].upper() + name.en[1:])


# Kulturrådet's art forms, by the keys that courses carry. A subject that a course file names stands as it is.
ART_FORMS = {
    "image": N_("Art and design"),
    "circus": N_("Circus"),
    "dance": N_("Dance"),
    "film": N_("Film and animation"),
    "photo": N_("Photography"),
    "music_instrument": N_("Music: instrument and voice"),
    "music_ensemble": N_("Music: ensemble, orchestra, choir and group"),
    "musical": N_("Musical"),
    "theatre": N_("Theatre and drama"),
    "writing": N_("Writing and words"),
    "other": N_("Other and cross-art"),
}

# What a rollover does to an application, with the badge.
ROLLOVER_KINDS = {
    "continues": N_("Goes on"),
    "confirm": N_("Must confirm"),
    "offered": N_("Is offered a seat"),
    "waits": N_("Waits on"),
    "ends": N_("Ends with the term"),
    "stays": N_("Nothing happens"),
}
ROLLOVER_BADGES = {
    **{"continues": "ok", "confirm": "info", "offered": "info", "waits": "queue"},
    **{"ends": "warn", "stays": "neutral"},
}
ROLLOVER_REASONS = {
    "carried_over": N_("has a place in the term before"),
    "next_in_queue": N_("is next in line for a seat that is free"),
    "queue_carried_over": N_("keeps the queue date"),
    "queue_to_confirm": N_("keeps the queue date if it is confirmed in time"),
    "fewer_seats": N_("the course has fewer seats; waits with the old queue date"),
    "given_up": N_("the family gave it up"),
    "not_confirmed": N_("was not confirmed in time"),
    "course_not_continued": N_("no course continues this one"),
    "course_cancelled": N_("the next course is cancelled"),
    "new_application": N_("the rule book wants a new application every term"),
    "adults_end": N_("adults have a place for one term at a time"),
    "adult_no_space": N_("adults make room, and children wait"),
    "ceiling_reached": N_("the home municipality pays for no more places elsewhere"),
    "pupil_too_old": N_("too old when the term begins"),
    "pupil_too_young": N_("too young when the term begins"),
    "born_too_early": N_("born before the course’s years"),
    "born_too_late": N_("born after the course’s years"),
    "wrong_audience": N_("the course is for teachers"),
    "course_not_shared": N_("lives elsewhere, and the course is not shared"),
    "home_municipality_not_a_member": N_("the home municipality is no member of the cooperation then"),
    "host_municipality_not_a_member": N_("the host municipality is no member of the cooperation then"),
    "there_already": N_("has an application for the next course already"),
    "offer_open": N_("has an offer that is not answered yet"),
}

# Why something happened, as it is kept with it. What staff wrote is none of these and stands as it is.
REASONS = {
    **ROLLOVER_REASONS,
    **OUTCOMES,
    **RULES,
    "the offer was accepted": N_("The offer was accepted."),
    "the other place was not kept": N_("The other place was not kept, so the old queue date came back."),
    "the pupil is 18 and decides": N_("The pupil is 18 and decides."),
    "said by the family": N_("The family said so."),
    "the family chose anew": N_("The family chose anew."),
    "a seat came free and the pupil was next": N_("A seat came free, and the pupil was next in the queue."),
    "staff offered the free seats": N_("Staff offered the free seats, in the order of the queue."),
    "the municipality became a part of another one": N_("The municipality became a part of another one."),
}
FAMILY_ROLES = {"guardian": N_("A guardian"), "pupil": N_("The pupil")}
