package api_test

import (
	"testing"
	"time"

	"ruche/storage"
	"ruche/storage/storagetest"
	"ruche/web/api"
	"ruche/web/webtest"
)

func TestWorkIsCountedAndPeopleAreNot(t *testing.T) {
	now := time.Date(2026, 11, 18, 23, 30, 0, 0, time.UTC)
	storagetest.EachWith(t, storage.Options{Clock: func() time.Time { return now }}, func(t *testing.T, db *storage.DB) {
		now = time.Date(2026, 11, 18, 23, 30, 0, 0, time.UTC)
		s := staffedNode(t, db)
		complain := func() string {
			t.Helper()
			s.ana.Ask("POST", "/api/v1/reports", map[string]any{"account_id": storage.FormatID(s.luc.ID)}).Is(200)
			return storage.FormatID(s.latestReport().ID)
		}
		first := complain()
		now = now.Add(time.Hour) // another day
		complain()
		now = now.AddDate(0, 0, 1)
		complain()
		s.Ask("POST", "/api/v1/admin/reports/"+first+"/resolve", s.asMia, nil).Is(200)

		const path = "/api/v1/admin/"
		ask := func(from, until string) map[string]any {
			return map[string]any{"keys": []string{"opened_reports", "active_users", "new_users", "resolved_reports", "opened_reports"}, "start_at": from, "end_at": until}
		}
		answer := s.Ask("POST", path+"measures", s.asMia, ask("2026-11-19T08:00:00Z", "2026-11-20")).Is(200)
		got := webtest.Into[[]api.Measure](answer)
		if len(got) != 2 || got[0].Key != "opened_reports" || got[0].Total != "2" || got[0].PreviousTotal != "1" || got[1].Key != "resolved_reports" || got[1].Total != "1" || got[1].PreviousTotal != "0" {
			t.Fatalf("%s", answer.Body)
		}
		if d := got[0].Data; len(d) != 2 || d[0] != (api.MeasureDay{Date: "2026-11-19T00:00:00Z", Value: "1"}) || d[1].Value != "1" || got[1].Data[0].Value != "0" {
			t.Errorf("%s", answer.Body)
		}
		for _, bad := range []map[string]any{ask("", "2026-11-20"), ask("2026-11-20", "soon"), ask("2026-11-20", "2026-11-19"), ask("2025-11-19", "2026-11-20"), ask("1000-01-01", "1000-01-02"), {"keys": make([]string, 51), "start_at": "2026-11-20", "end_at": "2026-11-20"}} {
			s.Ask("POST", path+"measures", s.asMia, bad).Is(422)
		}
		s.Ask("POST", path+"dimensions", s.asAda, map[string]any{"keys": []string{"languages", "software_versions"}}).Is(200).Says(`[{"key":"software_versions","data":[{"key":"ruche","human_key":"Ruche","value":"0.1.0"}]}]`)
		s.Ask("POST", path+"retention", s.asAda, nil).Is(200).Says("[]")
		s.Ask("POST", path+"measures", s.asMember, ask("2026-11-19", "2026-11-20")).Is(403)
		s.Ask("POST", path+"dimensions", s.asMia, nil).Is(403).Says("community managers")
		s.Ask("POST", path+"measures", s.Token(s.mia.ID, "admin:write"), nil).Is(403).Says("admin:read")
	})
}
