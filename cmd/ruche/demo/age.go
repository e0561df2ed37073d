package demo

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// An Age is how long before the end of the story something happened. It is
// written as days and a Go duration: "17d4h", "3d8h25m", "45m".
//
// The story ends at 18:00 on a Friday, its day 0, so that an age of 8h48m is
// 9:12 of that Friday and one of 4d8h48m is 9:12 of the Monday before.
type Age time.Duration

const (
	day = 24 * time.Hour

	// endOfDay is the hour at which the story, and each of its days, ends.
	endOfDay = 18

	// longestDay is how long before endOfDay people may already be at work:
	// the first shift of a workshop starts early.
	longestDay = 13 * time.Hour

	// oldest keeps the story within what a newcomer will scroll through.
	oldest = 60 * day
)

// UnmarshalText reads an age of at most 60 days.
func (a *Age) UnmarshalText(text []byte) error {
	written := string(text)
	days, rest := 0, written
	if before, after, found := strings.Cut(written, "d"); found {
		if _, err := fmt.Sscanf(before, "%d", &days); err != nil || fmt.Sprint(days) != before {
			return fmt.Errorf("age %q: days must be a whole number", written)
		}
		rest = after
	}
	var within time.Duration
	if rest != "" {
		var err error
		if within, err = time.ParseDuration(rest); err != nil {
			return fmt.Errorf("age %q: %w", written, err)
		}
	}
	if written == "" || days < 0 || days > int(oldest/day) || within < 0 || within >= day {
		return fmt.Errorf("age %q: want between 0 and %d days, as in 17d4h", written, oldest/day)
	}
	*a = Age(time.Duration(days)*day + within)
	return nil
}

// String writes an age as it is read.
func (a Age) String() string {
	return fmt.Sprintf("%dd%s", time.Duration(a)/day, time.Duration(a)%day)
}

// Before gives the moment at which something of this age happened, when the
// story is told at now, in now's time zone. The story's last day becomes the
// latest working day that is over, and its other days the working days before
// that one, each event at its own hour. So nothing lies in the future, nobody
// works at the weekend whatever day it is now, and the order stays.
func (a Age) Before(now time.Time) time.Time {
	last := time.Date(now.Year(), now.Month(), now.Day(), endOfDay, 0, 0, 0, now.Location())
	if last.After(now) {
		last = last.AddDate(0, 0, -1)
	}
	for isWeekend(last) {
		last = last.AddDate(0, 0, -1)
	}
	for back := a.workingDays(); back > 0; back-- {
		last = last.AddDate(0, 0, -1)
		for isWeekend(last) {
			last = last.AddDate(0, 0, -1)
		}
	}
	// The clock on the wall, and not the time that went by: the two differ on
	// the night the hour changes.
	return time.Date(last.Year(), last.Month(), last.Day(), endOfDay, 0, -int((time.Duration(a)%day)/time.Second), 0, now.Location())
}

// workingDays counts the working days from this one to the story's last. The
// story ends on a Friday, so that each week of it is five days and then two.
func (a Age) workingDays() int {
	days := int(time.Duration(a) / day)
	return days/7*5 + min(days%7, 5)
}

// working says whether people are at work at that moment of the story.
func (a Age) working() bool {
	return int(time.Duration(a)/day)%7 < 5 && time.Duration(a)%day <= longestDay
}

func (a Age) compare(b Age) int { return cmp.Compare(a, b) }

func isWeekend(t time.Time) bool {
	return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday
}
