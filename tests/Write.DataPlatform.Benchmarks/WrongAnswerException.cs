namespace Write.DataPlatform.Benchmarks;

/// <summary>An answer is wrong: no figure is worth anything.</summary>
internal sealed class WrongAnswerException(string message) : Exception(message)
{
    public static void ThrowIf(bool isWrong, string message)
    {
        if (isWrong)
        {
            throw new WrongAnswerException(message);
        }
    }
}
