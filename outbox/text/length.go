package text

import "unicode"

// urlLength is what an address counts for, however long it is: clients show
// the same number while a person types.
const urlLength = 23

// Length returns how many characters s has, as clients of the fediverse count
// them: what a reader sees as one letter or one emoji is one, an address is 23,
// and of @user@host only @user counts.
func Length(s string) int {
	n := 0
	pieces(clean(s), func(p piece) {
		switch {
		case p.kind == isURL:
			n += urlLength
		case p.kind == isMention:
			n += len("@") + len(p.mention.Username)
		default:
			n += visible(p.typed)
		}
	})
	return n
}

// visible counts what stands for itself. It follows Unicode's grapheme clusters
// (UAX #29) where people meet them: combining marks and variation selectors,
// emoji joined by a zero-width joiner or given a skin tone, and flags, which are
// two letters.
func visible(s string) int {
	const joiner = '\u200d'
	n := 0
	joined, halfFlag := false, false
	for _, r := range s {
		switch {
		case r == joiner:
			joined = true
			continue
		case unicode.IsMark(r) || 0x1F3FB <= r && r <= 0x1F3FF || 0xE0020 <= r && r <= 0xE007F:
			continue
		case 0x1F1E6 <= r && r <= 0x1F1FF:
			if !halfFlag {
				n++
			}
			halfFlag, joined = !halfFlag, false
			continue
		}
		if !joined {
			n++
		}
		joined, halfFlag = false, false
	}
	return n
}
