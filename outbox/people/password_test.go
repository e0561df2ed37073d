package people

import (
	"strings"
	"testing"
)

func TestAPasswordFitsItsOwnHashOnly(t *testing.T) {
	hash, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !CheckPassword(hash, "correct horse") || CheckPassword(hash, "Correct horse") || CheckPassword(hash, "") {
		t.Error("the password and its hash")
	}
	again, err := HashPassword("correct horse")
	if err != nil || again == hash {
		t.Errorf("two hashes of one password are equal: %v", err)
	}
	for _, p := range []string{"short", strings.Repeat("x", MaxPassword+1)} {
		if _, err := HashPassword(p); err == nil {
			t.Errorf("a password of %d bytes was taken", len(p))
		}
	}
	for _, h := range []string{"", "plain", "$argon2id$v=19$m=19456,t=0,p=1$AAAA$AAAA", "$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=8,t=1,p=1$!$!", "$argon2id$v=19$m=8,t=1,p=1$AAAA$"} {
		if CheckPassword(h, "") || CheckPassword(h, "correct horse") {
			t.Errorf("%q fits a password", h)
		}
	}
}
