using System.Globalization;

namespace Write.DataPlatform.Chaos;

/// <summary>What the sender of an event was told.</summary>
internal enum Fate
{
    /// <summary>Nothing, or that it is not known: it may count or not.</summary>
    Unknown,

    /// <summary>It was refused each time that an answer came, and an answer came each time: it must not count.</summary>
    Refused,

    /// <summary>It was accepted: it must count, once.</summary>
    Accepted,
}

/// <summary>One play of an item.</summary>
/// <param name="Id">Its number; no other event has it.</param>
/// <param name="Tenant">Whose it is.</param>
/// <param name="Item">What was played; the tenant's name is part of it, so that it gives a leak away.</param>
/// <param name="Time">When (UTC, whole milliseconds).</param>
/// <param name="Amount">What is summed.</param>
/// <param name="Listener">Who is counted once.</param>
internal sealed record Play(long Id, string Tenant, string Item, DateTime Time, long Amount, long Listener)
{
    /// <summary>What became of it, as far as its sender knows.</summary>
    public Fate Fate { get; set; }

    /// <summary>Whether an answer to some attempt is missing.</summary>
    public bool IsInDoubt { get; set; }

    /// <summary>When the answer came that accepted it first (UTC).</summary>
    public DateTime AcceptedAt { get; set; } = DateTime.MaxValue;

    /// <summary>The event as it is sent.</summary>
    public string Json => string.Create(
        CultureInfo.InvariantCulture,
        $$"""{"id":{{Id}},"customer":"{{Tenant}}","item":"{{Item}}","played_at":"{{Time:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}}","amount":{{Amount}},"listener":{{Listener}}}""");
}

/// <summary>Plays and amount of some of the events.</summary>
internal readonly record struct Sum(long Plays, long Amount)
{
    /// <summary>Whether it has more plays, or more amount.</summary>
    public bool IsMoreThan(Sum other) => Plays > other.Plays || Amount > other.Amount;

    public static Sum operator +(Sum a, Sum b) => new(a.Plays + b.Plays, a.Amount + b.Amount);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Plays} plays of {Amount}");
}

/// <summary>A question about plays: which of them, and how they are grouped.</summary>
/// <param name="Name">What it is called in findings; answers of one name are comparable.</param>
/// <param name="Tenant">Whose plays; null for all.</param>
/// <param name="From">The first moment (UTC), included.</param>
/// <param name="To">The last moment (UTC), excluded.</param>
/// <param name="KeyOf">The group that a play belongs to.</param>
internal sealed record Question(string Name, string? Tenant, DateTime From, DateTime To, Func<Play, string> KeyOf)
{
    public bool Asks(Play play) => (Tenant is null || play.Tenant == Tenant) && play.Time >= From && play.Time < To;
}

/// <summary>An answer to a question.</summary>
/// <param name="Groups">The groups that it has.</param>
/// <param name="By">Who gave it; null if it does not say.</param>
/// <param name="AsOf">Up to when it says that it is whole (UTC).</param>
/// <param name="AskedAt">When the question was sent (UTC).</param>
/// <param name="AnsweredAt">When the answer was here (UTC).</param>
internal sealed record Reading(IReadOnlyDictionary<string, Sum> Groups, string? By, DateTime? AsOf, DateTime AskedAt, DateTime AnsweredAt);

/// <summary>Every event that was ever sent and what its sender was told, and the bounds that follow for every number that is served.</summary>
internal sealed class Ledger(Findings findings)
{
    // An event that is sent so soon after its time is not late, whatever else is under way.
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(5);

    private const int Remembered = 50;

    private readonly Lock _gate = new();
    private readonly List<Play> _plays = [];
    private readonly Dictionary<string, List<Floor>> _floors = new(StringComparer.Ordinal);

    // Of what is in a stream that was never read nobody knows.
    private bool _isStreamRead;

    /// <summary>From here on nothing is said of when an event is counted: the server's clock went ahead, so events of now are late for it, and the next refresh counts them.</summary>
    public bool IsClockDoubtful { get; set; }

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _plays.Count;
            }
        }
    }

    /// <summary>Enters events before they are sent for the first time.</summary>
    public void Enter(IEnumerable<Play> plays)
    {
        lock (_gate)
        {
            _plays.AddRange(plays);
        }
    }

    /// <summary>Enters what an attempt to send was answered.</summary>
    /// <param name="play">The event.</param>
    /// <param name="isAccepted">Null if there was no answer, or one that does not say.</param>
    /// <param name="at">When the answer came (UTC).</param>
    public void Tell(Play play, bool? isAccepted, DateTime at)
    {
        lock (_gate)
        {
            play.IsInDoubt |= isAccepted is null;
            if (isAccepted is true && play.Fate != Fate.Accepted)
            {
                (play.Fate, play.AcceptedAt) = (Fate.Accepted, at);
            }
            else if (play.Fate != Fate.Accepted)
            {
                play.Fate = isAccepted is false && !play.IsInDoubt ? Fate.Refused : Fate.Unknown;
            }
        }
    }

    /// <summary>The events of a fate.</summary>
    public List<Play> Of(Fate fate)
    {
        lock (_gate)
        {
            return [.. _plays.Where(p => p.Fate == fate)];
        }
    }

    /// <summary>Holds an answer against the bounds while events go on, and tells what is wrong.</summary>
    public void Check(Question question, Reading reading)
    {
        var numbers = reading.Groups.Count;
        foreach (var (kind, what) in Problems(question, reading))
        {
            findings.Break(kind, what);
        }

        findings.Count("numbers checked", numbers);
    }

    /// <summary>What is wrong with an answer: more than was ever sent, less than it says it has, less than an earlier answer had.</summary>
    public IReadOnlyList<(string Kind, string What)> Problems(Question question, Reading reading)
    {
        var problems = new List<(string Kind, string What)>();
        lock (_gate)
        {
            var upper = new Dictionary<string, Sum>(StringComparer.Ordinal);
            var lower = new Dictionary<string, Sum>(StringComparer.Ordinal);
            _isStreamRead |= reading.By?.Contains("tail", StringComparison.Ordinal) is true;
            var tells = reading.AsOf is { } asOf && _isStreamRead && !IsClockDoubtful ? asOf : DateTime.MinValue;
            foreach (var play in _plays.Where(question.Asks))
            {
                var key = question.KeyOf(play);
                var one = new Sum(1, play.Amount);
                upper[key] = upper.GetValueOrDefault(key) + one;
                if (play.Fate == Fate.Accepted && play.AcceptedAt < tells && play.AcceptedAt - play.Time < Prompt)
                {
                    lower[key] = lower.GetValueOrDefault(key) + one;
                }
            }

            findings.Count("numbers that had to be at least so much", lower.Count);
            foreach (var key in reading.Groups.Keys.Union(upper.Keys))
            {
                var got = reading.Groups.GetValueOrDefault(key);
                var (most, least) = (upper.GetValueOrDefault(key), lower.GetValueOrDefault(key));
                if (got.IsMoreThan(most))
                {
                    problems.Add(("double", $"{question.Name} says {got} at {key}; at most {most} were ever sent. {Source(reading)}"));
                }

                if (least.IsMoreThan(got))
                {
                    problems.Add(("lost", $"{question.Name} says {got} at {key}; {least} were accepted before the moment up to which it says it is whole. {Source(reading)}"));
                }

                if (FloorOf(question, reading, key, got) is { } floor)
                {
                    problems.Add(("lost", $"{question.Name} says {got} at {key}, and said {floor.Sum} as of {floor.AsOf:HH:mm:ss.fff} at {floor.AnsweredAt:HH:mm:ss.fff}. {Source(reading)}"));
                }
            }
        }

        return problems;
    }

    /// <summary>Whether an answer at the end has each accepted event once, each that is in doubt at most once, and nothing else.</summary>
    /// <param name="question">What was asked.</param>
    /// <param name="groups">The groups of the answer.</param>
    /// <param name="problem">What is wrong.</param>
    public bool IsExact(Question question, IReadOnlyDictionary<string, Sum> groups, out string problem)
    {
        lock (_gate)
        {
            var asked = _plays.Where(p => p.Fate != Fate.Refused && question.Asks(p)).ToLookup(question.KeyOf, StringComparer.Ordinal);
            foreach (var key in groups.Keys.Union(asked.Select(g => g.Key)))
            {
                var got = groups.GetValueOrDefault(key);
                var sure = asked[key].Where(p => p.Fate == Fate.Accepted).Aggregate(default(Sum), (s, p) => s + new Sum(1, p.Amount));
                var doubtful = asked[key].Where(p => p.Fate == Fate.Unknown).Select(p => p.Amount).ToList();
                if (got != sure && (doubtful.Count == 0 || got.Plays < sure.Plays || got.Plays > sure.Plays + doubtful.Count || got.Amount < sure.Amount || got.Amount > sure.Amount + doubtful.Sum()))
                {
                    problem = $"{question.Name} says {got} at {key}; {sure} were accepted, {doubtful.Count} are in doubt.";
                    return false;
                }
            }

            problem = "";
            return true;
        }
    }

    private static string Source(Reading reading) => $"Served by {reading.By ?? "?"} as of {reading.AsOf:HH:mm:ss.fff}, asked at {reading.AskedAt:HH:mm:ss.fff}.";

    /// <summary>
    /// Of two answers of one source, the second asked for when the first was there, the one that reaches farther has no less. All of the lake's reach as far as they were asked
    /// late; an answer that is kept may be given again for a while.
    /// </summary>
    /// <returns>The earlier answer that had more; null if there is none.</returns>
    private Floor? FloorOf(Question question, Reading reading, string key, Sum got)
    {
        var isLake = reading.By == "lake";
        if (reading.By is null || (!isLake && (reading.AsOf is null || reading.By.Contains("lake", StringComparison.Ordinal))))
        {
            return null;
        }

        // With the tail an answer has more than it says, up to its own moment, and gold alone or the lake what had landed. By a clock that is far ahead the stream is far behind, so that gold goes
        // on without it (docs/streaming.md), as of the last event that the lake has.
        var isAlone = reading.By == "gold" && IsClockDoubtful;
        var place = $"{reading.By} {question.Name} {question.Tenant} {key}";
        if (!_floors.TryGetValue(place, out var earlier))
        {
            _floors.Add(place, earlier = []);
        }

        var reach = isLake || isAlone ? DateTime.MinValue : reading.AsOf!.Value;
        var asked = isLake ? reading.AskedAt - Server.LakeMaxAge : reading.AskedAt;
        var more = earlier.Where(f => f.AnsweredAt <= asked && f.Reach <= reach && f.Sum.IsMoreThan(got)).Select(f => (Floor?)f).FirstOrDefault();
        var floor = new Floor(reach, reading.AsOf, reading.AnsweredAt, got);
        if (!earlier.Exists(f => f.AnsweredAt <= floor.AnsweredAt && f.Reach <= floor.Reach && !floor.Sum.IsMoreThan(f.Sum)))
        {
            earlier.Add(floor);
            if (earlier.Count > Remembered)
            {
                earlier.RemoveAt(0);
            }
        }

        return more;
    }

    /// <summary>What an answer said.</summary>
    /// <param name="Reach">How far it reaches, if that is compared.</param>
    /// <param name="AsOf">How far it says that it reaches.</param>
    /// <param name="AnsweredAt">When it was here.</param>
    /// <param name="Sum">What it said.</param>
    private readonly record struct Floor(DateTime Reach, DateTime? AsOf, DateTime AnsweredAt, Sum Sum);
}
